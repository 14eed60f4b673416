"""What to know before trusting the figures of an evaluation, workflow by workflow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from autoflow.suites import TaskSuite
from autoflow_worker import flags
from autoflow_worker.disagreement import Disagreement, Metric, disagreement, growth
from autoflow_worker.evaluation.spec import EvaluationSpec
from autoflow_worker.evaluation.table import Table, WorkflowEvaluation, reward
from autoflow_worker.flags import Flag
from autoflow_worker.leaks import Leaks
from autoflow_worker.ports import Score, Workflow


def flagged(
    spec: EvaluationSpec,
    suite: TaskSuite,
    table: Table,
    workflows: Sequence[WorkflowEvaluation],
    openings: int,
) -> tuple[WorkflowEvaluation, ...]:
    """The same workflows with their flags; comparisons are with the first.

    Args:
        spec: what was measured.
        suite: on what.
        table: what came out.
        workflows: the lines of the table.
        openings: of the test split; 0 for another split.
    """
    flagging = _Flagging(spec, table, workflows[0], Leaks(suite), openings)
    return tuple(
        replace(found, flags=tuple(flagging.flags(column, found))) for column, found in enumerate(workflows)
    )


class _Flagging:
    def __init__(
        self, spec: EvaluationSpec, table: Table, first: WorkflowEvaluation, leaks: Leaks, openings: int
    ) -> None:
        self._spec = spec
        self._table = table
        self._first = first
        self._leaks = leaks
        self._openings = openings

    def flags(self, column: int, found: WorkflowEvaluation) -> list[Flag]:
        """Of one workflow; of the references only what is missing."""
        lost = [task.task for task in self._table.tasks if None in task.cells(column)]
        missing = flags.missing(found.name, lost)
        if found.workflow is None:
            return missing
        return [
            *flags.leaking(found.name, self._leaks.find(found.workflow.text)),
            *(self._compared(column, found, found.workflow) if column else ()),
            *flags.reopened(found.name, self._openings),
            *missing,
        ]

    def _compared(self, column: int, found: WorkflowEvaluation, workflow: Workflow) -> list[Flag]:
        gain = found.improvement.absolute if found.improvement else None
        first = self._first.workflow
        assert first is not None  # The references come last.
        ours, theirs = flags.shared(found.scores, self._first.scores)
        used = flags.uses(workflow, ours), flags.uses(first, theirs)
        both = flags.shared_groups(ours, theirs, self._table.groups)
        return [
            *flags.underpowered(found.name, gain, both, len(self._spec.workflows) - 1),
            *flags.disagreeing(found.name, self._disagreement(column)),
            *flags.grown(found.name, self._first.name, growth(*used)),
        ]

    def _disagreement(self, column: int) -> Disagreement | None:
        """Between what rewards and what else is measured of the same executions."""
        name, other = ("all constraints hold", _passed) if self._spec.judged else ("plan F1", _plan_f1)
        ours, theirs = (self._table.difference(column, value) for value in (reward, other))
        if ours is None or theirs is None:
            return None
        return disagreement(Metric("the reward", ours[0]), Metric(name, theirs[0]))


def _plan_f1(score: Score) -> float:
    return score.plan_f1


def _passed(score: Score) -> float:
    return float(score.passed)
