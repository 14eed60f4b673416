"""What changed between two workflows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from autoflow.language import ChangeKind, Step, Workflow, check, diff, diff_to_mermaid
from tests.language.strategies import workflows

BASE = """\
Step 1:::process:::List the models.:::next::Step 2
Step 2:::process:::Order the models by type.:::next::Step 3
Step 3:::decision:::Is the plan valid?:::Yes::Step 4::No::Step 1
Step 4:::terminal:::Answer with the plan.
"""


def _workflow(text: str) -> Workflow:
    workflow = check(text).workflow
    assert workflow is not None
    return workflow


def _kinds(before: str, after: str) -> list[tuple[ChangeKind, str]]:
    return [
        (change.kind, (change.after or change.before or _none()).instruction)
        for change in diff(_workflow(before), _workflow(after)).steps
    ]


def _none() -> Step:
    raise AssertionError("a change has a step")


def test_a_step_that_was_put_in_renames_those_after_it_and_changes_none() -> None:
    after = """\
Step 1:::process:::List the models.:::next::Step 2
Step 2:::process:::Name every fault of the input.:::next::Step 3
Step 3:::process:::Order the models by type.:::next::Step 4
Step 4:::decision:::Is the plan valid?:::Yes::Step 5::No::Step 1
Step 5:::terminal:::Answer with the plan.
"""
    found = diff(_workflow(BASE), _workflow(after))
    assert [change.kind for change in found.steps] == [
        ChangeKind.SAME,
        ChangeKind.ADDED,
        ChangeKind.SAME,
        ChangeKind.SAME,
        ChangeKind.SAME,
    ]
    assert [change.renamed for change in found.steps] == [False, False, True, True, True]
    assert found.text.splitlines()[1] == "+ Step 2:::process:::Name every fault of the input.:::next::Step 3"
    assert not found.empty


def test_another_target_is_a_change_of_branches_alone() -> None:
    (changed,) = [
        change
        for change in diff(_workflow(BASE), _workflow(BASE.replace("No::Step 1", "No::Step 2"))).steps
        if change.kind is not ChangeKind.SAME
    ]
    assert (changed.kind, changed.parts) == (ChangeKind.CHANGED, ("branches",))


def test_a_rewritten_step_is_a_change_and_not_one_removed_and_one_added() -> None:
    after = BASE.replace("Order the models by type.", "Order all models by their types.")
    assert (ChangeKind.CHANGED, "Order all models by their types.") in _kinds(BASE, after)
    assert len(_kinds(BASE, after)) == 4


def test_a_step_with_nothing_in_common_is_removed_and_added() -> None:
    after = """\
Step 1:::process:::List the models.:::next::Gather
Gather:::process:::Ask which language it is.:::next::Step 3
Step 3:::decision:::Is the plan valid?:::Yes::Step 4::No::Step 1
Step 4:::terminal:::Answer with the plan.
"""
    assert _kinds(BASE, after)[1:3] == [
        (ChangeKind.REMOVED, "Order the models by type."),
        (ChangeKind.ADDED, "Ask which language it is."),
    ]


def test_the_diagram_marks_what_changed() -> None:
    after = BASE.replace("Order the models by type.", "Order all models by their types.")
    drawn = diff_to_mermaid(diff(_workflow(BASE), _workflow(after)))
    assert 's1["Step 2<br/>Order all models by their types."]:::changed' in drawn
    assert drawn.count(":::") == 1


@given(workflows())
def test_nothing_differs_from_itself(workflow: Workflow) -> None:
    found = diff(workflow, workflow)
    assert found.empty
    assert [change.after for change in found.steps] == list(workflow.steps)


@given(workflows(), workflows())
def test_every_step_is_there_once_and_in_order(before: Workflow, after: Workflow) -> None:
    found = diff(before, after)
    assert [change.before for change in found.steps if change.before] == list(before.steps)
    assert [change.after for change in found.steps if change.after] == list(after.steps)
    for change in found.steps:
        assert (change.kind is ChangeKind.ADDED) == (change.before is None)
        assert (change.kind is ChangeKind.REMOVED) == (change.after is None)
    assert diff_to_mermaid(found).startswith("flowchart TD\n")


@given(workflows(), st.data())
def test_a_removed_step_is_told(workflow: Workflow, data: st.DataObject) -> None:
    if len(workflow.steps) < 2:
        return
    gone = data.draw(st.integers(0, len(workflow.steps) - 1))
    left = Workflow(tuple(step for index, step in enumerate(workflow.steps) if index != gone))
    assert diff(workflow, left).counts[ChangeKind.REMOVED] >= 1
