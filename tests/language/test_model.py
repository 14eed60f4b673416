"""The values refuse what the text cannot carry, and their canonical text carries all the rest."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given

from autoflow.language import Branch, Step, StepType, Workflow, parse

from .strategies import workflows


def _workflow(*steps: Step) -> Workflow:
    return Workflow(steps)


SOUND = _workflow(
    Step("Plan", StepType.PROCESS, "Make a plan", (Branch("next", "Check"),)),
    Step("Check", StepType.DECISION, "Is it good?", (Branch("Yes", "End"), Branch("No", "Plan"))),
    Step("End", StepType.TERMINAL, "Output the plan"),
)


def test_canonical_text() -> None:
    assert SOUND.text == (
        "Plan:::process:::Make a plan:::next::Check\n"
        "Check:::decision:::Is it good?:::Yes::End::No::Plan\n"
        "End:::terminal:::Output the plan\n"
    )


def test_digest_is_the_hash_of_the_canonical_text() -> None:
    assert SOUND.digest == "sha256:" + hashlib.sha256(SOUND.text.encode("utf-8")).hexdigest()


def test_the_first_step_is_the_start() -> None:
    assert SOUND.first.name == "Plan"


@pytest.mark.parametrize("name", ["Check", "check", "CHECK", "  Check "])
def test_names_are_looked_up_without_regard_to_case_and_spacing(name: str) -> None:
    assert SOUND.step(name) is SOUND.steps[1]


def test_an_unknown_name_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        SOUND.step("Plan B")


def test_of_duplicate_names_the_first_is_found() -> None:
    first = Step("A", StepType.TERMINAL, "one")
    assert _workflow(first, Step("a", StepType.TERMINAL, "two")).step("a") is first


@given(workflows())
def test_canonical_text_parses_to_the_same_workflow_without_a_diagnostic(workflow: Workflow) -> None:
    parsed = parse(workflow.text)
    assert parsed.workflow == workflow
    assert parsed.diagnostics == ()
    assert parsed.lines == tuple(range(1, len(workflow.steps) + 1))


@pytest.mark.parametrize(
    "value",
    [
        "",
        " a",
        "a ",
        "a\u00a0",
        ":a",
        "a:",
        "a::b",
        "a:::b",
        "a\nb",
        "a\rb",
        "a\x00b",
        "a\x85b",
        "a\u2028b",
        "a\ud800",
    ],
)
def test_every_field_refuses_what_the_text_cannot_carry(value: str) -> None:
    with pytest.raises(ValueError, match="name"):
        Step(value, StepType.TERMINAL, "a")
    with pytest.raises(ValueError, match="label"):
        Branch(value, "a")
    with pytest.raises(ValueError, match="target"):
        Branch("a", value)
    if value:
        with pytest.raises(ValueError, match="instruction"):
            Step("a", StepType.TERMINAL, value)


@pytest.mark.parametrize("name", ["- a", "* a", "1. a", "(2) a", "# a", "> a", "*a*", "a`", "**a"])
def test_names_refuse_what_the_parser_takes_for_markdown(name: str) -> None:
    with pytest.raises(ValueError, match="list marker"):
        Step(name, StepType.TERMINAL, "a")
    with pytest.raises(ValueError, match="list marker"):
        Branch("a", name)


def test_an_empty_instruction_is_representable() -> None:
    assert Step("a", StepType.TERMINAL, "").text == "a:::terminal:::"


def test_a_workflow_has_a_step() -> None:
    with pytest.raises(ValueError, match="at least one step"):
        Workflow(())


@pytest.mark.parametrize("target", ["step 1", "Step  1", "Step 1.", "'STEP 1'"])
def test_a_declared_target_is_spelled_as_declared(target: str) -> None:
    with pytest.raises(ValueError, match="must be spelled 'Step 1'"):
        _workflow(Step("Step 1", StepType.PROCESS, "a", (Branch("next", target),)))
