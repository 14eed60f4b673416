"""The planner carries the workflow out by itself: without an interpreter, calling the tools directly."""

from __future__ import annotations

from dataclasses import dataclass

from autoflow.language import Workflow
from autoflow.suites.travel import TravelSuite, TravelTask
from tests.suites.travel.planner.planner import Planner, Situation, Turn


@dataclass(frozen=True, slots=True)
class Walk:
    """What came of it."""

    answer: str
    """Empty where it took too many steps."""
    steps: int


def walk(workflow: Workflow, suite: TravelSuite, task: TravelTask, *, most: int) -> Walk:
    """Carries `travel.flow` out on a task, in so many steps at most."""
    tools = {tool.name: tool for tool in suite.tools}
    planner, steps = Planner(workflow), {step.name: step for step in workflow.steps}
    turns: list[Turn] = []
    step = workflow.first
    for executed in range(1, most + 1):
        reply = planner.reply(step.instruction, Situation(task.query, turns))
        if not step.branches:
            return Walk(reply.answer, executed)
        call = reply.call
        turns.append(
            Turn(reply.answer, tools[call.tool].call(suite.database, call.arguments) if call else "")
        )
        [target] = [branch.target for branch in step.branches if branch.label in (reply.label, "next")]
        step = steps[target]
    return Walk("", most)
