"""One question a step: what it shows, and how a reply is read or refused."""

from __future__ import annotations

import json
from dataclasses import replace

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoflow import prompts
from autoflow.llm.base import Role
from tests.prompts.samples import LABELS, PLAN_TOOLS, STEP_TOOLS, step_tool

_GOOD = {"answer": "Near the station", "tool": "hotels", "arguments": '{"city": "Bonn"}', "branch": "No"}


def test_an_opening_shows_fields_tools_task_and_step_in_this_order() -> None:
    turn = prompts.fused_turn("", "Find a bed", LABELS, True)
    system, user = prompts.fused_opening("Bonn", PLAN_TOOLS, STEP_TOOLS, turn)
    assert (system.role, user.role) == (Role.SYSTEM, Role.USER)
    told = [
        "- answer:",
        "- tool:",
        "- arguments:",
        "- branch:",
        "- flights: finds flights\n  {",
        "- hotels:",
        "- Fix (",
    ]
    places = [system.content.index(each) for each in told]
    assert places == sorted(places)
    assert user.content == (
        "Task: Bonn\n"
        "Find a bed\n"
        '(Fields of the reply: answer, tool, arguments, branch. Labels of the branch: "Yes", "No".)'
    )


def test_without_tools_an_opening_says_nothing_of_them() -> None:
    system, _ = prompts.fused_opening("Bonn", (), (), "turn")
    assert "tool" not in system.content
    assert "plan" not in system.content


def test_openings_of_all_tasks_and_orders_of_tools_begin_alike() -> None:
    one = prompts.fused_opening("Bonn", PLAN_TOOLS, STEP_TOOLS, "first")
    other = prompts.fused_opening("Cologne", PLAN_TOOLS, STEP_TOOLS[::-1], "second")
    assert one[0] == other[0]


def test_a_turn_shows_memory_instruction_and_what_the_reply_holds() -> None:
    part = prompts.memory_part([prompts.memory_entry("Step 1 #1", "Look (text)", "It rains")], "")
    assert prompts.fused_turn(part, "Go on", ["next"], False) == (
        "Earlier answers that matter for this instruction:\n\n"
        "[Step 1 #1] Look (text)\nIt rains\n\n"
        "Go on\n"
        "(Fields of the reply: answer.)"
    )


def test_labels_are_shown_so_that_none_can_be_mistaken_for_two() -> None:
    turn = prompts.fused_turn("", "Go on", ['a", "b', "c\nd", "é"], False)
    assert turn.endswith('Labels of the branch: "a\\", \\"b", "c\\nd", "é".)')


def test_an_observation_stands_before_the_next_turn() -> None:
    turn = prompts.fused_turn("", "Go on", ["next"], False)
    told = prompts.fused_observation("hotels", "{}", "name\nPost", False) + turn
    assert told.startswith("The tool hotels, called with {}, brought:\nname\nPost\n\nGo on\n")
    failed = prompts.fused_observation("hotels", "{}", "closed", True)
    assert failed == "The tool hotels, called with {}, failed:\nclosed\n\n"


def test_a_function_takes_what_the_schema_says() -> None:
    for tools, labels in ((STEP_TOOLS, LABELS), ((), ["next"])):
        function = prompts.step_function(tools, labels)
        assert function.parameters == prompts.step_schema(tools, labels).schema
        assert f"function named {function.name}," in prompts.fused_opening("", (), tools, "")[0].content


_labels = st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=5, unique=True)
_tools = st.lists(
    st.text(min_size=1, max_size=8) | st.sampled_from(["none", "none_"]), max_size=4, unique=True
)
_texts = st.text(max_size=30)


@given(_labels, _tools, st.data())
@settings(deadline=None)
def test_every_reply_comes_back_as_it_was_written(
    labels: list[str], names: list[str], data: st.DataObject
) -> None:
    tools = [step_tool(name) for name in names]
    called = data.draw(st.sampled_from([None, *names]))
    arguments = data.draw(_texts.filter(str.strip)) if called is not None else ""
    branch = data.draw(st.integers(0, len(labels) - 1)) if len(labels) > 1 else None
    wanted = prompts.StepReply(data.draw(_texts), called, arguments, branch)

    schema = prompts.step_schema(tools, labels).schema
    written = {"answer": wanted.answer}
    if tools:
        allowed = schema["properties"]["tool"]["enum"]
        [no_tool] = set(allowed) - set(names)
        written |= {"tool": called if called is not None else no_tool, "arguments": arguments}
    if branch is not None:
        written["branch"] = labels[branch]
    jsonschema.validate(written, schema)
    for ascii_only in (False, True):
        assert prompts.read_step(json.dumps(written, ensure_ascii=ascii_only), tools, labels) == wanted


@given(
    st.text() | st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists).map(json.dumps)
)
def test_any_other_text_is_unusable(text: str) -> None:
    with pytest.raises(prompts.UnusableReply):
        prompts.read_step(text, STEP_TOOLS, LABELS)


@given(st.data())
@settings(deadline=None)
def test_a_damaged_reply_is_read_or_unusable(data: st.DataObject) -> None:
    text = json.dumps(_GOOD)
    at = data.draw(st.integers(0, len(text)))
    damaged = text[:at] + data.draw(st.text(max_size=3)) + text[at + data.draw(st.integers(0, 3)) :]
    try:
        reply = prompts.read_step(damaged, STEP_TOOLS, LABELS)
    except prompts.UnusableReply:
        return
    assert reply.tool in ("hotels", "flights", None)
    assert reply.branch in (0, 1)


def test_a_reply_that_was_cut_off_is_unusable() -> None:
    whole = json.dumps(_GOOD | {"arguments": {"city": "Bonn"}})
    for kept in range(len(whole)):
        with pytest.raises(prompts.UnusableReply):
            prompts.read_step(whole[:kept], STEP_TOOLS, LABELS)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"answer": None}, "the field answer is null; allowed is a text"),
        ({"tool": "hotel"}, 'the field tool is "hotel"; allowed is one of "flights", "hotels", "none"'),
        ({"tool": ["hotels"]}, 'the field tool is ["hotels"]; allowed is a text'),
        ({"arguments": [1]}, "the field arguments is [1]; allowed is a text"),
        ({"branch": "no"}, 'the field branch is "no"; allowed is one of "Yes", "No"'),
        ({"branch": 1}, "the field branch is 1; allowed is a text"),
        (
            {"reason": "x"},
            'there is no field "reason" here; allowed is one JSON object with the fields answer, tool,',
        ),
        ({"answer": "\ud800"}, "half of a character"),
        ({"arguments": {"\ud800": 1}}, "half of a character"),
    ],
)
def test_what_is_wrong_is_told_with_what_is_allowed(change: dict[str, object], told: str) -> None:
    with pytest.raises(prompts.UnusableReply) as refused:
        prompts.read_step(json.dumps(_GOOD | change), STEP_TOOLS, LABELS)
    assert told in str(refused.value)
    assert told in prompts.step_again(str(refused.value)).content


@pytest.mark.parametrize("field", _GOOD)
def test_every_field_must_be_there(field: str) -> None:
    reply = {name: value for name, value in _GOOD.items() if name != field}
    with pytest.raises(prompts.UnusableReply, match=f"the field {field} is missing"):
        prompts.read_step(json.dumps(reply), STEP_TOOLS, LABELS)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"answer": "a", "answer": "b"}', "a name is there twice"),
        ('{"answer": {"a": 1, "a": 2}}', "a name is there twice"),
        ('{"answer": ' * 100_000, "JSON"),
        ('{"answer": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deeply"),
        ('{"answer": ' + "9" * 5000 + "}", "cannot be read as JSON"),
        ('{"answer": "a', "cut off"),
    ],
    ids=range(6),
)
def test_what_is_no_single_json_object_is_unusable(text: str, told: str) -> None:
    with pytest.raises(prompts.UnusableReply, match=told):
        prompts.read_step(text, (), ["next"])


def test_arguments_may_be_an_object() -> None:
    reply = _GOOD | {"arguments": {"city": "Köln", "nights": [1, {"a": None}]}}
    found = prompts.read_step(json.dumps(reply), STEP_TOOLS, LABELS).arguments
    assert json.loads(found) == reply["arguments"]
    assert "Köln" in found


@pytest.mark.parametrize(
    ("tool", "arguments", "read"), [("hotels", " ", "{}"), ("none", "{}", ""), ("none", {}, "")]
)
def test_arguments_are_there_if_and_only_if_a_tool_is_called(tool: str, arguments: object, read: str) -> None:
    reply = _GOOD | {"tool": tool, "arguments": arguments}
    assert prompts.read_step(json.dumps(reply), STEP_TOOLS, LABELS).arguments == read


def test_a_reply_may_stand_in_a_block_or_amid_words() -> None:
    whole = prompts.read_step(json.dumps(_GOOD), STEP_TOOLS, LABELS)
    for said in (f"```json\n{json.dumps(_GOOD, indent=1)}\n```", f"My reply: {json.dumps(_GOOD)}."):
        assert prompts.read_step(said, STEP_TOOLS, LABELS) == whole
    assert replace(whole, branch=None) == prompts.read_step(
        json.dumps({name: value for name, value in _GOOD.items() if name != "branch"}), STEP_TOOLS, ["next"]
    )
