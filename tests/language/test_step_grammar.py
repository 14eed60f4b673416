"""What grammars let a model write that were made for one workflow: its names, or one step of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from autoflow.language import (
    Branch,
    Notations,
    Workflow,
    check,
    named_grammar,
    names_grammar,
    step_grammar,
)
from tests.language.agreement import lark_accepts, xgrammar_accepts
from tests.language.strategies import sound_workflows

_TEXT = (
    'Read "it":::process:::Look \\\\ here:::next::Check\n'
    'Check:::decision:::Is 中 it?:::Yes::Done::No::Read "it"\n'
    "Done:::terminal:::Tell\n"
)
_LIMIT = 30


def _workflow(text: str) -> Workflow:
    workflow = check(text).workflow
    assert workflow is not None
    return workflow


def _accepted(text: str, notations: Notations) -> bool:
    said = {xgrammar_accepts(text, notations), lark_accepts(text, notations)}
    assert len(said) == 1, text
    return said.pop()


@pytest.mark.parametrize(
    ("step", "old", "new", "generated"),
    [
        ("Check", "", "", True),
        ("check", "Is 中 it?", "Any 😀 other", True),
        ("Check", "No::Read", "No::Read", True),
        ("Check", 'No::Read "it"', "No::Check", True),
        ("Check", 'No::Read "it"', "No::Done", True),
        pytest.param("Check", "Yes::Done", "Yes::Check", False, id="no way on"),
        pytest.param("Check", 'Yes::Done::No::Read "it"', "Yes::Check::No::Done", False, id="two targets"),
        pytest.param("Check", "Yes::", "Aye::", False, id="another label"),
        pytest.param("Check", ":::decision", ":::process", False, id="another type"),
        pytest.param("Check", "Tell", "Say", False, id="another step's instruction"),
        pytest.param("Check", "Tell\n", "Tell\nMore:::terminal:::Tell\n", False, id="another step"),
        ('read "it"', "Look \\\\ here", "Go", True),
        pytest.param('Read "it"', "next::Check", "next::Done", False, id="a step is cut off"),
        ("Done", "Tell", "Say", True),
        pytest.param("Done", "Tell", "", False, id="no instruction"),
        pytest.param("Done", "Tell", "T" * (_LIMIT + 1), False, id="longer than the limit"),
    ],
)
def test_one_step_may_change(step: str, old: str, new: str, generated: bool) -> None:
    text = _TEXT.replace(old, new, 1) if old else _TEXT
    assert old in _TEXT
    assert _accepted(text, step_grammar(_workflow(_TEXT), step, _LIMIT)) is generated


def test_a_question_for_a_person_stays_one() -> None:
    text = "Step 1:::process:::[ask] Where to?:::next::Step 2\nStep 2:::terminal:::Tell\n"
    grammar = step_grammar(_workflow(text), "Step 1")
    assert _accepted(text.replace("Where to", "Whereto"), grammar)
    assert not _accepted(text.replace("[ask] ", ""), grammar)


def test_a_step_that_is_not_there_has_no_grammar() -> None:
    with pytest.raises(KeyError):
        step_grammar(_workflow(_TEXT), "Step 9")


@given(sound_workflows(), st.data())
@settings(max_examples=20, deadline=None)
def test_what_keeps_to_the_step_and_is_sound_is_generated_and_nothing_else(
    workflow: Workflow, data: st.DataObject
) -> None:
    """Whatever is changed, in the step or besides, the grammar says what the linter and this test say."""
    places = st.integers(0, len(workflow.steps) - 1)
    place, changed = data.draw(places), data.draw(places)
    targets = st.sampled_from([step.name for step in workflow.steps])
    step = workflow.steps[changed]
    instruction = data.draw(st.sampled_from([step.instruction, "Anything else"]))
    branches = tuple(Branch(branch.label, data.draw(targets)) for branch in step.branches)
    other = replace(step, instruction=instruction, branches=branches)
    text = Workflow((*workflow.steps[:changed], other, *workflow.steps[changed + 1 :])).text
    moved = sum(one != two for one, two in zip(step.branches, branches, strict=True))
    keeps = other == step or (changed == place and moved <= 1 and check(text).ok)
    assert _accepted(text, step_grammar(workflow, workflow.steps[place].name)) is keeps


@pytest.mark.parametrize(
    ("text", "generated"),
    [
        ("Read the task\nAnswer\n", True),
        ("Read the task\nAnswer\nEnd\n", True),
        ("Step 1\nStep 2\n", True),
        ("Read\nRead\n", True),
        ("Read the task\n", False),
        ("A\nB\nC\nD\n", False),
        ("Read the task\nAnswer", False),
        ("Read  the task\nAnswer\n", False),
        ("read\nAnswer\n", False),
        ("Read:\nAnswer\n", False),
        ("One two three four five\nAnswer\n", True),
        ("One two three four five six\nAnswer\n", False),
    ],
)
def test_names_are_plain_words(text: str, generated: bool) -> None:
    assert _accepted(text, names_grammar(3)) is generated


@given(st.lists(st.from_regex(r"[A-Z][a-z0-9]{0,14}( [A-Za-z0-9]{1,14}){0,4}", fullmatch=True), min_size=1))
@settings(max_examples=30, deadline=None)
def test_every_name_of_a_list_is_fit_for_a_step(names: list[str]) -> None:
    assume(len({name.casefold() for name in names}) == len(names))
    *steps, last = names
    lines = [
        f"{name}:::process:::Do:::next::{following}\n"
        for name, following in zip(steps, names[1:], strict=True)
    ]
    text = "".join([*lines, f"{last}:::terminal:::Do\n"])
    checked = check(text)
    assert checked.diagnostics == ()
    assert checked.workflow is not None
    assert checked.workflow.text == text
    assert xgrammar_accepts(text, named_grammar(names))


@pytest.mark.parametrize("names", [[], ["A", "a"], ["A", "- B"], ["A", "B:::C"], ["A", ""]])
def test_names_that_are_none_are_refused(names: list[str]) -> None:
    with pytest.raises(ValueError, match="step"):
        named_grammar(names)


def test_fewer_than_two_names_are_refused() -> None:
    with pytest.raises(ValueError, match="max_names"):
        names_grammar(1)
