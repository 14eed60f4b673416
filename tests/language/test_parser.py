"""The parser reads what language models write, loses nothing in silence, never raises, and is linear."""

from __future__ import annotations

import time

import pytest
from hypothesis import given

from autoflow.language import MAX_DIAGNOSTICS, Limits, Severity, Workflow, check, parse, to_mermaid

from .strategies import texts, workflows

CANONICAL = (
    "Step 1:::process:::Plan:::next::Step 2\n"
    "Step 2:::decision:::Good?:::Yes::Step 3::No::Step 1\n"
    "Step 3:::terminal:::Output\n"
)


def _variant(old: str, new: str) -> str:
    assert old in CANONICAL
    return CANONICAL.replace(old, new)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"```\n{CANONICAL}```\n", id="fence"),
        pytest.param(f"```workflow\n{CANONICAL}```", id="fence with language"),
        pytest.param(f"```\n{CANONICAL.rstrip()}```", id="fence closed on the last line"),
        pytest.param(f"```{CANONICAL.rstrip()}```", id="fence opened on the first line"),
        pytest.param(f"Sure! Here it is:\n\n{CANONICAL}\nI hope this helps.", id="chatter"),
        pytest.param(f"Lines are name:::type:::instruction.\n```\n{CANONICAL}```\n", id="format explained"),
        pytest.param(CANONICAL.replace("\n", "\r\n"), id="CRLF"),
        pytest.param(CANONICAL.replace("\n", "\r"), id="CR"),
        pytest.param(CANONICAL.rstrip(), id="no final line feed"),
        pytest.param(CANONICAL.replace("\n", "\n\n"), id="blank lines"),
        pytest.param(CANONICAL.replace(":::", " ::: ").replace("\n", "  \n  "), id="whitespace"),
        pytest.param(f"\ufeff{CANONICAL}", id="byte order mark"),
        pytest.param(_variant("Plan", "\x0bPlan"), id="control character"),
        pytest.param("".join(f"- {line}\n" for line in CANONICAL.splitlines()), id="bullets"),
        pytest.param(
            "".join(f"{i}. {line}\n" for i, line in enumerate(CANONICAL.splitlines())), id="numbers"
        ),
        pytest.param("".join(f"**{line}**\n" for line in CANONICAL.splitlines()), id="bold lines"),
        pytest.param("".join(f"* `{line}`\n" for line in CANONICAL.splitlines()), id="code lines"),
        pytest.param(_variant("Step 1:::", "**Step 1**:::"), id="bold name"),
        pytest.param(_variant("::Step 3", "::**Step 3**"), id="bold target"),
        pytest.param(_variant("process", "Process"), id="type case"),
        pytest.param(_variant("decision", "**DECISION**"), id="type markup"),
        pytest.param(_variant("::Step 1", "::step  1"), id="target case and spacing"),
        pytest.param(_variant("next::Step 2", "next::Step 2."), id="target punctuation"),
        pytest.param(_variant("Step 3::No", "Step 3:::No"), id="separator between branches"),
        pytest.param(_variant("Yes::Step 3::No::", "Yes:::Step 3:::No:::"), id="separator everywhere"),
        pytest.param(_variant("Step 1\n", "Step 1:::\n"), id="trailing separator"),
        pytest.param(_variant("Step 1\n", "Step 1::\n"), id="trailing branch separator"),
        pytest.param(_variant("Good?:::", "Good?::::::"), id="doubled separator"),
        pytest.param(_variant("Output\n", "Output:::\n"), id="terminal with an empty field"),
        pytest.param(_variant("Output\n", "Output:::None\n"), id="terminal with a vacuous word"),
        pytest.param(_variant("next::", ""), id="bare target"),
        pytest.param(_variant("Plan:::", "Plan::"), id="branch separator before the branches"),
        pytest.param(_variant("Plan:::", "Plan::::"), id="colon before a separator"),
        pytest.param(_variant("Step 1:::process", "Step 1:  :::process"), id="colon after a name"),
    ],
)
def test_is_read_as_the_canonical_text_but_not_in_silence(text: str) -> None:
    parsed = parse(text)
    assert parsed.workflow is not None
    assert parsed.workflow.text == CANONICAL
    assert not [found for found in parsed.diagnostics if found.severity is Severity.ERROR]
    # A final line feed may be missing; all else that is not canonical is told.
    assert bool(parsed.diagnostics) == (text != CANONICAL.rstrip())
    assert check(text).ok


def test_a_step_outside_the_fence_is_not_lost() -> None:
    first, rest = CANONICAL.split("\n", 1)
    parsed = parse(f"{first}\n```\n{rest}```")
    assert parsed.workflow is not None
    assert parsed.workflow.text == CANONICAL


def test_steps_know_their_lines() -> None:
    text = "Well:\n\n" + CANONICAL.replace("\n", "\n\n")
    parsed = parse(text)
    assert parsed.lines == (3, 5, 7)


def test_findings_point_at_their_column() -> None:
    text = _variant("Step 3::No", "Step 3:::No").replace("Step 2:::d", "  Step 2:::d")
    (found,) = [found for found in parse(text).diagnostics if found.code == "extra-separator"]
    assert found.line == 2
    assert text.splitlines()[1][found.column - 1 :].startswith("Yes::Step 3")


def test_the_instruction_may_hold_single_colons_and_unicode() -> None:
    text = "Étape 1:::terminal:::Réponds: « 是 » à 10:30 😀\n"
    parsed = parse(text)
    assert parsed.diagnostics == ()
    assert parsed.workflow is not None
    assert parsed.workflow.first.instruction == "Réponds: « 是 » à 10:30 😀"


def test_an_empty_instruction_before_branches_is_empty() -> None:
    workflow = parse("A:::process::::::next::A\n").workflow
    assert workflow is not None
    assert workflow.first.instruction == ""
    assert workflow.first.branches[0].target == "A"


@pytest.mark.parametrize(
    ("branches", "guess"),
    [("", "terminal"), (":::A", "process"), (":::next::A", "process"), (":::x::A::y::A", "decision")],
)
def test_an_unknown_type_is_guessed_by_the_branches(branches: str, guess: str) -> None:
    workflow = parse(f"A:::action:::x{branches}").workflow
    assert workflow is not None
    assert workflow.first.type == guess
    assert len(workflow.first.branches) == {"terminal": 0, "process": 1, "decision": 2}[guess]


def test_complete_pairs_survive_a_broken_one() -> None:
    workflow = parse("A:::decision:::x:::Yes::A::No:: ::Maybe::A::Never").workflow
    assert workflow is not None
    assert [branch.label for branch in workflow.first.branches] == ["Yes", "Maybe"]


@given(texts)
def test_never_raises(text: str) -> None:
    checked = check(text)
    assert len(checked.diagnostics) <= MAX_DIAGNOSTICS + 1
    lines = text.count("\n") + text.count("\r") + 1
    assert all(0 <= found.line <= lines and found.message for found in checked.diagnostics)
    if checked.workflow is not None:
        to_mermaid(checked.workflow)
        assert parse(checked.workflow.text).workflow == checked.workflow


SIZE = 1_000_000


def _filled(pattern: str) -> str:
    return (pattern * (SIZE // len(pattern) + 1))[:SIZE]


HOSTILE = {
    "colons": _filled(":"),
    "stars": _filled("*"),
    "list markers": _filled("1. - * "),
    "blank lines": _filled("\r\n"),
    "fences": _filled("```\n"),
    "control characters": _filled("\x00"),
    "fragments": _filled("a:::b\n"),
    "steps of unknown type": _filled("a:::b:::c\n"),
    "duplicate steps": _filled("a:::terminal:::b\n"),
    "bare targets": _filled("a:::process:::b:::A.\n"),
    "broken branches": _filled("a:::decision:::b:::c::d::e\n"),
    "one long name": f"{_filled('- *` :')}:::process:::b",
    "one long instruction": f"a:::process:::{_filled('b: :')}",
    "one long target": f"a:::process:::b:::next::{_filled('. a  ')}",
    "branches of one step": f"a:::decision:::b:::{_filled('x::y::')}",
    "separators among branches": f"a:::decision:::b:::{_filled('x:::')}",
    "chatter among steps": f"a:::terminal:::b\n{_filled(chr(10) + 'x')}\nc:::terminal:::d",
    "a long loop": "".join(f"s{i}:::process:::b:::next::s{i + 1}\n" for i in range(SIZE // 30)),
    "a dense graph": "".join(f"s{i}:::decision:::b:::x::s{i + 1}::y::s{i // 2}\n" for i in range(SIZE // 40)),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_million_hostile_characters_are_checked_in_linear_time(text: str) -> None:
    # One or two seconds on a slow machine; anything quadratic would take hours.
    start = time.process_time()
    checked = check(text, Limits(max_text_chars=2 * SIZE))
    if checked.workflow is not None:
        to_mermaid(checked.workflow)
    assert time.process_time() - start < 10
    assert len(checked.diagnostics) <= MAX_DIAGNOSTICS + 1
    assert all(len(found.message) < 400 for found in checked.diagnostics)


@given(workflows())
def test_a_canonical_text_is_read_at_once_and_as_by_the_forgiving_reader(workflow: Workflow) -> None:
    # A blank line in front is forgiven, and keeps a text from being read at once.
    at_once, forgiven = parse(workflow.text), parse("\n" + workflow.text)
    assert (at_once.workflow, at_once.diagnostics) == (workflow, ())
    assert parse(workflow.text.removesuffix("\n")) == at_once
    assert forgiven.workflow == workflow
    assert {found.code for found in forgiven.diagnostics} == {"blank-line"}
    assert [line - 1 for line in forgiven.lines] == list(at_once.lines)
