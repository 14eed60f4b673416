"""How the executions of a workflow went, step by step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import fmean

from autoflow.suites import Task
from autoflow_worker.ports import Execution, Score, Workflow

FAILED_BELOW = 0.5
"""An execution of a lower reward counts as failed."""


@dataclass(slots=True)
class StepTally:
    """One step in all executions of its workflow that were seen."""

    name: str
    instruction: str
    executions: int = 0
    """That came to it, however often."""
    failed: int = 0
    """Those of them that failed."""
    ended: int = 0
    """Failed executions of which it was the last step."""
    rewards: list[float] = field(default_factory=list)
    example: str = ""
    """What it answered in the failed execution of the lowest reward."""
    lowest: float = 2.0
    """That reward; 2 where there is none."""

    @property
    def reward(self) -> float:
        """The mean of the executions that came to it."""
        return fmean(self.rewards) if self.rewards else 0.0


class StepTallies:
    """Takes in executions; see `Evaluator.on_measured`. What the cache gave is not seen.

    Args:
        tasks: on which executions count; None: on all.
    """

    def __init__(self, tasks: Iterable[Task] | None = None) -> None:
        self._counted = None if tasks is None else {task.digest for task in tasks}
        self._steps: dict[str, dict[str, StepTally]] = defaultdict(dict)

    def note(self, workflow: Workflow, task: Task, execution: Execution, score: Score) -> None:
        """Takes in one execution.

        Args:
            workflow: what was executed.
            task: on what.
            execution: its steps, in order.
            score: what it was worth.
        """
        if self._counted is not None and task.digest not in self._counted:
            return
        tallies = self._steps[workflow.digest]
        failed = score.reward < FAILED_BELOW
        answers = {step.name: step for step in execution.steps}
        for name, step in answers.items():
            tally = tallies.setdefault(name, StepTally(name, step.instruction))
            tally.executions += 1
            tally.failed += failed
            tally.rewards.append(score.reward)
            if failed and score.reward < tally.lowest:
                tally.lowest, tally.example = score.reward, step.tool_output or step.answer
        if failed and execution.steps:
            tallies[execution.steps[-1].name].ended += 1

    def of(self, workflow: Workflow) -> list[StepTally]:
        """The steps of a workflow, in the order in which executions first came to them."""
        return list(self._steps.get(workflow.digest, {}).values())
