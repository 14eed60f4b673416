"""What repair promises of every text, and what it makes of some."""

from __future__ import annotations

import pytest
from hypothesis import example, given

from autoflow.language import check, repair
from tests.language.strategies import texts, workflows

END = "Step 2:::terminal:::Tell\n"
SOUND = f"Step 1:::process:::Plan:::next::Step 2\n{END}"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Step 1::process::Plan::next::Step 2\nStep 2::terminal::Tell\n", "read-separators"),
        (f"Step 1:::action:::Plan:::next::Step 2\n{END}", "read-type"),
        ("Step 1 (process): Plan -> Step 2\nStep 2 (terminal): Tell\n", "read-prose"),
        (f"process:::Step 1:::Plan:::next::Step 2\n{END}", "swapped-fields"),
        (f"Step 1:::process:::Plan:::next -> Step 2\n{END}", "read-branches"),
        (f"Step 1:::process:::Plan\n{END}", "added-branch"),
        (f"Step 1:::process:::Plan:::next::END\n{END}", "retargeted-branch"),
        (f"Step 1:::decision:::Plan:::Yes::Step 2\n{END}", "retyped-step"),
        (f"{SOUND}{END}", "removed-step"),
        ("Step 1:::process:::Plan:::next::Step 2\nStep 2:::process:::Tell:::next::END\n", "retyped-step"),
    ],
)
def test_a_repair_is_told(text: str, code: str) -> None:
    repaired = repair(text)
    assert repaired.text == SOUND
    assert code in {change.code for change in repaired.changes}


@pytest.mark.parametrize("target", ["Step 9", "Elsewhere"])
def test_a_target_that_means_no_step_is_refused_with_its_line(target: str) -> None:
    repaired = repair(f"Step 1:::process:::Plan:::next::{target}\n{END}")
    assert repaired.workflow is None
    assert next((found.code, found.line) for found in repaired.diagnostics) == ("unknown-target", 1)


@given(texts | workflows().map(lambda workflow: workflow.text))
@example("0:::PROCESS\n0:::PROC:::0")
def test_a_repair_is_sound_and_final_or_refused_with_a_line(text: str) -> None:
    repaired, checked = repair(text), check(text)
    if repaired.workflow is None:
        assert not checked.ok
        assert repaired.text == text
        assert any(found.line for found in repaired.diagnostics)
        return
    if checked.workflow is not None and checked.ok:
        assert repaired.workflow.digest == checked.workflow.digest
    assert check(repaired.text).ok
    again = repair(repaired.text)
    assert (again.text, again.changes) == (repaired.text, ())
