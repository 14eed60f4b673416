"""Questions about tools, one for each part of a step, and how their answers are read."""

from __future__ import annotations

import json
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoflow import prompts
from autoflow.llm.base import Message, Role
from autoflow.tools.arguments import Arguments
from tests.prompts.samples import SCHEMA, STEP_TOOLS, step_tool

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
_objects = st.dictionaries(st.text(max_size=5), _json, max_size=3)
_prose = st.text(st.characters(codec="utf-8", exclude_characters="[]{}`"), max_size=30)


def _asked(chat: list[Message]) -> str:
    system, user = chat
    assert (system.role, user.role) == (Role.SYSTEM, Role.USER)
    return user.content


def test_whether_a_tool_is_needed_shows_names_and_descriptions_alone() -> None:
    assert _asked(prompts.tool_needed("Bonn", "Find a bed", STEP_TOOLS)) == (
        "Task: Bonn\n"
        "Tools:\n"
        "- hotels: finds hotels\n"
        "- flights: finds flights\n"
        "Instruction: Find a bed\n"
        "Must one of the tools be called to carry out the instruction?\n"
        "A. Yes\n"
        "B. No"
    )
    assert prompts.TOOL_LABELS == ("Yes", "No")


def test_a_choice_marks_every_tool() -> None:
    assert "A. hotels: finds hotels\nB. flights: finds flights\n" in _asked(
        prompts.tool_choice("Bonn", "Find a bed", STEP_TOOLS)
    )
    many = [step_tool(f"tool_{number}") for number in range(128)]
    lines = _asked(prompts.tool_choice("Bonn", "Find a bed", many)).splitlines()
    assert "001. tool_0: finds something" in lines
    assert "128. tool_127: finds something" in lines


@given(st.integers(0, 1100))
def test_marks_are_unique_and_none_begins_another(count: int) -> None:
    marks = prompts.option_marks(count)
    assert len(set(marks)) == len(marks) == count
    # Texts of one length begin one another only where they are equal.
    assert len({len(mark) for mark in marks}) <= 1
    assert all(set(mark) <= set(string.ascii_uppercase + string.digits) for mark in marks)


@given(st.integers(1, 300), st.data())
def test_every_mark_is_read_as_its_option(count: int, data: st.DataObject) -> None:
    names = [f"tool_{number}" for number in range(count)]
    index = data.draw(st.integers(0, count - 1))
    mark = prompts.option_marks(count)[index]
    for said in (mark, f"{mark}.", f"**{mark}**", f"({mark})", f"Answer: {mark}", f"{mark}. {names[index]}"):
        assert prompts.read_option(said, names) == index
    assert prompts.read_option(names[index], names) == index
    assert prompts.read_option(f"I would call `{names[index].upper()}` now", names) == index


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("A", 0),
        ("B. search flights", 1),
        ("search", 0),
        ("Search flights", 1),
        ("search flights, I think", None),
        ("A. search flights", None),
        ("none", None),
        ("AB", None),
        ("", None),
        ("A or B", None),
        ("\N{KELVIN SIGN}", None),
    ],
)
def test_an_option_is_read_or_refused_never_guessed(text: str, index: int | None) -> None:
    assert prompts.read_option(text, ["search", "search flights"]) == index


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("007", 6),
        ("7", 6),
        ("0007.", 6),
        ("128", 127),
        ("129", None),
        ("000", None),
        ("1 2", None),
        ("\N{ARABIC-INDIC DIGIT SEVEN}", None),
    ],
)
def test_numbers_are_read_with_and_without_leading_zeros(text: str, index: int | None) -> None:
    assert prompts.read_option(text, [f"tool_{number}" for number in range(128)]) == index


@given(st.text(), st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=30, unique=True))
def test_whatever_is_said_names_an_option_or_none(text: str, names: list[str]) -> None:
    assert prompts.read_option(text, names) in (None, *range(len(names)))


@pytest.mark.parametrize(
    "letter", "\N{KELVIN SIGN}\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}\N{LATIN SMALL LETTER LONG S}"
)
def test_a_character_that_resembles_a_letter_is_none(letter: str) -> None:
    labels = [f"label {number}" for number in range(26)]
    assert prompts.read_branch(letter, labels) is None


def test_asking_again_names_all_marks() -> None:
    assert prompts.option_again(3) == Message(Role.USER, "Answer with one of A, B, C and nothing else.")


def test_arguments_are_asked_for_by_the_schema() -> None:
    part = prompts.memory_part([prompts.memory_entry("Step 1 #1", "Look (text)", "It rains")], "")
    asked = _asked(prompts.tool_arguments("Bonn", "Find a bed", "Near the station", part, STEP_TOOLS[0]))
    head, schema, rest = asked.split("\n", 3)[0:2], asked.split("\n", 3)[2], asked.split("\n", 3)[3]
    assert head == ["Task: Bonn", "Tool: hotels: finds hotels"]
    shown = json.loads(schema.removeprefix("Schema of its arguments: "))
    assert shown == {name: value for name, value in SCHEMA.items() if name != "$schema"}
    assert " " not in schema.removeprefix("Schema of its arguments: ")
    assert rest == (
        "Earlier answers that matter for this instruction:\n\n"
        "[Step 1 #1] Look (text)\nIt rains\n\n"
        "Instruction: Find a bed\n"
        "Answer so far: Near the station\n"
        "Arguments:"
    )


def test_earlier_answers_end_their_line() -> None:
    without, ended, open_ended = (
        _asked(prompts.tool_arguments("q", "i", "a", earlier, STEP_TOOLS[0]))
        for earlier in ("", "It rains\n", "It rains")
    )
    assert ended == open_ended == without.replace("Instruction:", "It rains\nInstruction:")


def test_wrong_arguments_are_told_with_what_is_allowed() -> None:
    assert "city: 5 does not fit" in prompts.arguments_again("city: 5 does not fit").content


@given(_objects, _prose, _prose, st.sampled_from(["{}", "```\n{}\n```", "```json\n{}```", " {}\n"]))
@settings(deadline=None)
def test_arguments_are_found_in_fences_and_amid_prose(
    arguments: dict[str, object], before: str, after: str, frame: str
) -> None:
    written = json.dumps(arguments, ensure_ascii=False)
    said = before + frame.replace("{}", written) + after
    assert prompts.read_arguments(said) == written


@pytest.mark.parametrize(
    "text",
    [
        "",
        "none",
        '{"a": 1} or {"b": 2}',
        '{"a": {"b": 1}, "c": ',
        '[{"a": 1}, ',
        'For {city}: {"a": 1}',
        '```\n{"a": 1}\n```\n```\n{"b": 2}\n```',
        '"{\\"a\\": 1}"',
        '[{"a": 1}]',
        "}{",
        "{",
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"a": ' + "9" * 5000 + "}",
    ],
    ids=range(14),
)
def test_what_holds_no_single_object_stays_as_it_is(text: str) -> None:
    assert prompts.read_arguments(text) == text


def test_a_block_that_is_an_object_is_found_amid_brackets() -> None:
    said = 'For {city} [1]:\n```json\n{"city": "Bonn"}\n```\nDone [2].'
    assert Arguments(json.dumps(SCHEMA)).read(prompts.read_arguments(said)) == {"city": "Bonn"}


def test_what_is_there_twice_is_left_for_the_schema_to_judge() -> None:
    assert prompts.read_arguments('So: {"a": 1, "a": 2}.') == '{"a": 1, "a": 2}'


@given(st.text())
def test_reading_arguments_never_fails(text: str) -> None:
    assert prompts.read_arguments(text) in text


@pytest.mark.parametrize(("failed", "verb"), [(False, "brought"), (True, "failed")])
def test_a_summary_shows_what_the_tool_brought_or_why_it_failed(failed: bool, verb: str) -> None:
    asked = prompts.tool_summary(
        "Bonn", "Find a bed", "Soon", "hotels", '{"city":"Bonn"}', "name\nPost", failed
    )
    assert _asked(asked) == (
        "Task: Bonn\n"
        "Instruction: Find a bed\n"
        "Answer so far: Soon\n"
        f'The tool hotels, called with {{"city":"Bonn"}}, {verb}:\nname\nPost\n\n'
        "Answer to the instruction:"
    )
