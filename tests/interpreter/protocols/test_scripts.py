"""What the tests of protocols rest on: drawn workflows are sound, and scripts of them come to an end."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoflow.language import StepType, check
from autoflow.testing.random_workflows import random_workflow
from autoflow.testing.scripted_workflow import ScriptedWorkflow, Shape
from autoflow.testing.simple_tools import SIMPLE_TOOLS
from autoflow.tools.arguments import Arguments, InvalidArguments

generators = st.randoms(use_true_random=False)


@given(generators, st.integers(1, 12))
def test_every_drawn_workflow_is_sound(rng: random.Random, most: int) -> None:
    workflow = random_workflow(rng, max_steps=most)

    checked = check(workflow.text)
    assert checked.ok
    assert checked.workflow == workflow
    assert len(workflow.steps) <= most
    ways = [len(step.branches) for step in workflow.steps if step.type is StepType.DECISION]
    assert all(2 <= number <= 4 for number in ways)


def test_all_kinds_of_workflows_are_drawn() -> None:
    drawn = [random_workflow(random.Random(seed)) for seed in range(200)]

    assert {len(workflow.steps) for workflow in drawn} == set(range(1, 13))
    steps = [step for workflow in drawn for step in workflow.steps]
    assert {len(step.branches) for step in steps} == {0, 1, 2, 3, 4}
    terminal = [sum(step.type is StepType.TERMINAL for step in workflow.steps) for workflow in drawn]
    assert max(terminal) > 2
    back = [
        step.type
        for workflow in drawn
        for place, step in enumerate(workflow.steps)
        for branch in step.branches
        if workflow.steps.index(workflow.step(branch.target)) <= place
    ]
    assert {*back} == {StepType.PROCESS, StepType.DECISION}


@given(generators, st.sampled_from([0.0, 1.0]))
def test_a_script_comes_to_an_end_and_decides_alike_each_time(rng: random.Random, share: float) -> None:
    workflow = random_workflow(rng, about="part1")
    shape = Shape(tools=tuple(SIMPLE_TOOLS), tool_share=share)
    script = ScriptedWorkflow("part1", workflow, shape)

    *moves, last = script.path
    assert workflow.step(last.step).type is StepType.TERMINAL
    assert (last.branch, last.tool) == (None, "")
    assert all(bool(move.tool) is bool(share) for move in moves)
    assert len({move.answer for move in script.path}) == len(script.path)
    again = ScriptedWorkflow("part1", workflow, shape)
    assert [again.move(move.step, move.time) for move in script.path] == list(script.path)


@pytest.mark.parametrize("name", SIMPLE_TOOLS)
def test_drawn_arguments_are_right_and_spoilt_ones_wrong(name: str) -> None:
    tool = SIMPLE_TOOLS[name]
    judge = Arguments(tool.tool.arguments_schema)
    for seed in range(20):
        right = tool.draw(random.Random(seed))
        assert tool(**judge.read(json.dumps(right)))
        with pytest.raises(InvalidArguments):
            judge.read(json.dumps(tool.spoil(right)))
