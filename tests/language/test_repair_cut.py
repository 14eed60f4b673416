"""JSON and XML that the end of the text cuts off keep their whole steps, or are refused with a line."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoflow.language import Workflow, repair, to_json
from tests.language.strategies import sound_workflows

FIRST = '{"name": "Step 1", "type": "process", "instruction": "Plan", "next": "Step 2"}'
LAST = '{"name": "Step 2", "type": "terminal", "instruction": "Tell"}'
FIRST_TAG = '<step name="Step 1" type="process" next="Step 2">Plan'
LAST_TAG = '<step name="Step 2" type="terminal">Tell'


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        (f"[{FIRST}", ["1 read-document", "1 added-step"]),
        (f"[{FIRST},\n", ["1 read-document", "1 added-step"]),
        (f'[{FIRST},\n{{"na', ["1 read-document", "1 added-step", "2 removed-step"]),
        (f'[{FIRST},\n{{"name":', ["1 read-document", "1 added-step", "2 removed-step"]),
        (
            f'{{"steps": [{FIRST},\n{{"name": "Step 2", "next": [{{"if',
            ["1 read-document", "1 added-step", "2 removed-step"],
        ),
        (f"[{FIRST},\n{LAST}", ["1 read-document"]),
        (f"[{FIRST},\n{LAST},\n{LAST[:20]}", ["1 read-document", "3 removed-step"]),
        (f'{{"steps": [{FIRST},\n{LAST}], "why": "It', ["1 read-document"]),
        (f'{FIRST_TAG}</step>\n<step name="St', ["1 read-document", "1 added-step", "2 removed-step"]),
        (f"<flow>{FIRST_TAG}</step>\n{LAST_TAG}</step>\nI ho", ["1 read-document", "3 removed-line"]),
        (
            f"Here it is.\nFinal version:\n[{FIRST},\n{LAST},\n{LAST[:20]}",
            ["1 leading-text", "3 read-document", "5 removed-step"],
        ),
    ],
)
def test_the_whole_steps_are_read(text: str, changes: list[str]) -> None:
    repaired = repair(text)
    assert repaired.workflow is not None, repaired.diagnostics
    assert [f"{found.line} {found.code}" for found in repaired.changes] == changes
    answer = "Give the final answer" if "1 added-step" in changes else "Tell"
    assert repaired.text == f"Step 1:::process:::Plan:::next::Step 2\nStep 2:::terminal:::{answer}\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        # No step is whole.
        ('[{"name": "Step 1", "type": "process",\n "instruction": "Pl', 2),
        ('<step name="Step 1" type="process">\nPl', 2),
        # It is not told where a step leads.
        ('[{"name": "Step 1", "type": "process"},\n{"name": "Step 2", "ty', 2),
        ('<step name="Step 1" type="process">Plan</step>\n<step name="Step 2" ty', 2),
        (f'{{"steps": [{FIRST}, {LAST}],\n"edges": [{{"from": "Step 1", "to', 2),
        # A step that is not closed, or a text that goes on: broken, not cut off.
        (f"{FIRST_TAG}\n{LAST_TAG}</step>", 2),
        (f"[{FIRST[:-1]},\n{LAST[:-9]}", 2),
        (f'[{FIRST},\n{{"name": "Step 2", "instruction": "Is "it" "ok", "type": "end"}}]', 2),
        (f'[{FIRST},\n{{"name": "Step 2", "instruction": "Is it\n\nSorry!', 4),
        (f"<flow>{FIRST_TAG}</step>\n{LAST_TAG}\n\nSorry!", 4),
        # One of two drafts.
        (f"[{FIRST},\n{LAST[:-9]}\n\nFinal version:\n[{FIRST}, {LAST}]", 2),
        (f"[{FIRST}, {LAST}]\n\nCorrected:\n[{FIRST},\n{LAST[:-9]}", 5),
        (f"<a>{FIRST_TAG}</step>\n{LAST_TAG}</step></a>\nCorrected:\n{FIRST_TAG}</step>\n<step na", 5),
    ],
)
def test_anything_else_is_refused_with_its_line(text: str, line: int) -> None:
    repaired = repair(text)
    assert repaired.workflow is None
    assert [(found.code, found.line) for found in repaired.diagnostics] == [("no-steps", line)]


def _maps(workflow: Workflow) -> str:
    steps = [
        {
            "id": step.name,
            "kind": step.type,
            "task": step.instruction,
            "branches": {branch.label: branch.target for branch in step.branches},
        }
        for step in workflow.steps
    ]
    return f"Here it is:\n```json\n{json.dumps({'workflow': {'steps': steps}}, indent=2)}"


def _xml(workflow: Workflow) -> str:
    lines = ["<workflow>"]
    for step in workflow.steps:
        branches = "".join(
            f'<branch label="{branch.label}" to="{branch.target}"/>' for branch in step.branches
        )
        lines.append(f'<step name="{step.name}" type="{step.type}"><task>{step.instruction}</task>{branches}')
        lines.append("</step>")
    return "\n".join([*lines, "</workflow>"])


FORMS = {"JSON": to_json, "JSON in other words": _maps, "XML": _xml}


@pytest.mark.parametrize("written", FORMS.values(), ids=FORMS)
@settings(max_examples=50)
@given(workflow=sound_workflows(), data=st.data())
def test_a_cut_changes_no_step_before_it(
    written: Callable[[Workflow], str], workflow: Workflow, data: st.DataObject
) -> None:
    text = written(workflow)
    repaired = repair(text[: data.draw(st.integers(0, len(text)))])
    if repaired.workflow is None:
        assert any(found.line for found in repaired.diagnostics)
        return
    added = sum(found.code == "added-step" for found in repaired.changes)
    kept = repaired.workflow.steps[: len(repaired.workflow.steps) - added]
    assert kept == workflow.steps[: len(kept)]


@pytest.mark.parametrize("written", FORMS.values(), ids=FORMS)
@settings(max_examples=50)
@given(workflow=sound_workflows(), data=st.data())
def test_what_is_missing_in_the_middle_is_no_cut(
    written: Callable[[Workflow], str], workflow: Workflow, data: st.DataObject
) -> None:
    text = written(workflow)
    place = data.draw(st.integers(0, len(text) - 2))
    repaired = repair(text[:place] + text[place + 1 :])
    if any("cut off" in found.message for found in repaired.changes):
        # A bracket or a tag around all steps.
        assert repaired.workflow == workflow
