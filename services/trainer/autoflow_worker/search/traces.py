"""What happened in the executions of this iteration, for strategies that look at it."""

from __future__ import annotations

from autoflow.suites import Task
from autoflow_worker.ports import Execution, Score, Step, Workflow


class Traces:
    """The steps of fresh executions; `note` is what an evaluator tells about each.

    They are forgotten with `clear`: what must be shown later, a strategy keeps.
    """

    def __init__(self) -> None:
        self._steps: dict[tuple[str, str], tuple[Step, ...]] = {}

    def note(self, workflow: Workflow, task: Task, execution: Execution, score: Score) -> None:
        """Keeps what an execution did."""
        self._steps[workflow.digest, task.digest] = execution.steps

    def steps(self, workflow: Workflow, task: Task) -> tuple[Step, ...]:
        """What was kept; nothing where the cache gave the score."""
        return self._steps.get((workflow.digest, task.digest), ())

    def clear(self) -> None:
        """Forgets everything."""
        self._steps.clear()
