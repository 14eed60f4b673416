"""What an evaluation found: means over tasks with their intervals, by metric and over all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from autoflow.errors import Unavailable
from autoflow.suites import judging
from autoflow.suites.judging import Measures
from autoflow_worker.evaluation.repeats import difference_over, mean_over
from autoflow_worker.evaluation.shelf import MeasuredTask
from autoflow_worker.evaluation.spec import EvaluationSpec
from autoflow_worker.evaluator import cost_of
from autoflow_worker.flags import Flag
from autoflow_worker.ledger import Ledger
from autoflow_worker.ports import Score, Workflow
from autoflow_worker.results import Improvement
from autoflow_worker.seeds import Purpose, derive
from autoflow_worker.statistics import Estimate

METRICS = ("clip", "bertscore", "vit")
"""Metrics in the order in which the paper has them; others follow."""


@dataclass(frozen=True, slots=True)
class MetricEstimate:
    """The mean reward by one metric."""

    metric: str
    reward: Estimate
    tasks: int
    """That it measures."""


@dataclass(frozen=True, slots=True)
class WorkflowEvaluation:
    """One workflow on the tasks."""

    name: str
    workflow: Workflow | None
    """None for the references."""
    reward: Estimate
    metrics: tuple[MetricEstimate, ...]
    valid_plan_rate: Estimate
    """Where a judge rewards, of the answers that can be read."""
    plan_f1: Estimate | None
    """None where a judge rewards."""
    missing: int
    scores: tuple[Score | None, ...]
    """Task by task; None where the cell is missing."""
    improvement: Improvement | None
    """Over the first workflow."""
    pass_rate: Estimate | None = None
    """The part of the tasks of which every constraint holds; None where no judge rewards, as what follows."""
    constraints: Measures | None = None
    spent: Ledger = field(default_factory=Ledger)
    """What its executions cost; nothing for the references."""
    flags: tuple[Flag, ...] = ()
    """What to know before trusting its figures."""


@dataclass(frozen=True, slots=True)
class EvaluationResult:
    """What an evaluation measured."""

    workflows: tuple[WorkflowEvaluation, ...]
    """In the order of the request, the references last."""
    tasks: tuple[MeasuredTask, ...]
    """In the suite's order, without outputs."""
    test_openings: int
    """0 for another split than the test's."""
    suite_digest: str
    page: str
    """Artifact of the page to look at."""


def table_of(
    spec: EvaluationSpec, tasks: Sequence[MeasuredTask], groups: Sequence[str] | None = None
) -> Table:
    """The table of an evaluation.

    Args:
        spec: what was measured.
        tasks: at least one.
        groups: one a task; tasks of one group hang together. Default: every task for itself.
    """
    return Table(tasks, groups or [task.task for task in tasks], derive(spec.seed, Purpose.BOOTSTRAP))


def evaluations(spec: EvaluationSpec, table: Table) -> tuple[WorkflowEvaluation, ...]:
    """Each workflow's line of the table.

    Raises:
        Unavailable: not one cell of a workflow could be filled.
    """
    workflows = [*(workflow.workflow for workflow in spec.workflows), None]
    return tuple(
        _evaluation(spec, table, column, name, workflow)
        for column, (name, workflow) in enumerate(zip(spec.names, workflows, strict=True))
    )


def _evaluation(
    spec: EvaluationSpec, table: Table, column: int, name: str, workflow: Workflow | None
) -> WorkflowEvaluation:
    row = tuple(task.scores[column] for task in table.tasks)
    scores = [score for there, _ in table.column(column) for score in there]
    if not scores:
        raise Unavailable(f"{name} could not be measured on a single task")
    return WorkflowEvaluation(
        name=name,
        workflow=workflow,
        reward=table.mean(column, reward),
        metrics=_by_metric(table, column),
        valid_plan_rate=table.mean(column, lambda score: float(score.plan_valid)),
        plan_f1=None if spec.judged else table.mean(column, lambda score: score.plan_f1),
        missing=row.count(None),
        scores=row,
        improvement=_improvement(table, column, spec.names[0]) if column else None,
        pass_rate=table.mean(column, lambda score: float(score.passed)) if spec.judged else None,
        constraints=_measures(scores) if spec.judged else None,
        spent=cost_of(row) if workflow else Ledger(),
    )


@dataclass(frozen=True, slots=True)
class Table:
    """All workflows on all tasks; columns are workflows."""

    tasks: Sequence[MeasuredTask]
    groups: Sequence[str]
    """One a task; tasks of one group hang together."""
    seed: int
    """Of the intervals."""

    def column(self, column: int, metric: str = "") -> list[tuple[list[Score], str]]:
        """What a workflow's executions earned on each task, with the task's group; none that are missing."""
        found = [
            ([score for score in task.cells(column) if score is not None], group)
            for task, group in zip(self.tasks, self.groups, strict=True)
            if metric in ("", task.metric)
        ]
        return [(there, group) for there, group in found if there]

    def mean(self, column: int, value: Callable[[Score], float], metric: str = "") -> Estimate:
        """Of a workflow over tasks, by one metric or all."""
        cells, groups = zip(*self.column(column, metric), strict=True)
        return mean_over(
            [[value(score) for score in there] for there in cells], seed=self.seed, groups=groups
        )

    def difference(self, column: int, value: Callable[[Score], float]) -> tuple[Estimate, float] | None:
        """To the first workflow, and that one's mean, over the tasks that both have; None without any."""
        sides = [
            ([[value(score) for score in task.cells(one) if score] for one in (column, 0)], group)
            for task, group in zip(self.tasks, self.groups, strict=True)
        ]
        both = [(mine, theirs, group) for (mine, theirs), group in sides if mine and theirs]
        if not both:
            return None
        left, right, groups = zip(*both, strict=True)
        return difference_over(left, right, seed=self.seed, groups=groups), fmean(map(fmean, right))


def _improvement(table: Table, column: int, over: str) -> Improvement | None:
    found = table.difference(column, reward)
    if found is None:
        return None
    absolute, mean = found
    return Improvement(over, absolute, absolute.mean / mean if mean else 0.0)


def _by_metric(table: Table, column: int) -> tuple[MetricEstimate, ...]:
    metrics = {task.metric for task in table.tasks}
    names = sorted(metrics, key=lambda name: (METRICS.index(name) if name in METRICS else len(METRICS), name))
    return tuple(
        MetricEstimate(name, table.mean(column, reward, name), tasks)
        for name in names
        if (tasks := len(table.column(column, name)))
    )


def _measures(scores: Sequence[Score]) -> Measures:
    # Each has evidence: the witness sees to it.
    found = [(score.evidence.verdicts if score.evidence else (), score.plan_valid) for score in scores]
    return judging.measures([judging.Score(verdicts, "" if ok else "unreadable") for verdicts, ok in found])


def reward(score: Score) -> float:
    """What a score is worth."""
    return score.reward
