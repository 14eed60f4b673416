"""What an evaluation found: means over tasks with their intervals, by metric and over all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autoflow.errors import Unavailable
from autoflow.suites import judging
from autoflow.suites.judging import Measures
from autoflow_worker.comparison import improvement
from autoflow_worker.evaluation.shelf import MeasuredTask
from autoflow_worker.evaluation.spec import EvaluationSpec
from autoflow_worker.ports import Score, Workflow
from autoflow_worker.results import Improvement
from autoflow_worker.seeds import Purpose, derive
from autoflow_worker.statistics import Estimate, bootstrap_mean

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


def evaluations(spec: EvaluationSpec, tasks: Sequence[MeasuredTask]) -> tuple[WorkflowEvaluation, ...]:
    """Each workflow's line of the table.

    Args:
        spec: what was measured.
        tasks: at least one.

    Raises:
        Unavailable: not one cell of a workflow could be filled.
    """
    seed = derive(spec.seed, Purpose.BOOTSTRAP)
    workflows = [*(workflow.workflow for workflow in spec.workflows), None]
    first = tuple(task.scores[0] for task in tasks)
    found = []
    for column, (name, workflow) in enumerate(zip(spec.names, workflows, strict=True)):
        row = tuple(task.scores[column] for task in tasks)
        scores = [score for score in row if score is not None]
        if not scores:
            raise Unavailable(f"{name} could not be measured on a single task")
        found.append(
            WorkflowEvaluation(
                name=name,
                workflow=workflow,
                reward=_mean([score.reward for score in scores], seed),
                metrics=_by_metric(tasks, column, seed),
                valid_plan_rate=_mean([float(score.plan_valid) for score in scores], seed),
                plan_f1=None if spec.judged else _mean([score.plan_f1 for score in scores], seed),
                missing=len(row) - len(scores),
                scores=row,
                improvement=improvement(row, first, spec.names[0], seed=seed) if column else None,
                pass_rate=_mean([float(score.passed) for score in scores], seed) if spec.judged else None,
                constraints=_measures(scores) if spec.judged else None,
            )
        )
    return tuple(found)


def _by_metric(tasks: Sequence[MeasuredTask], column: int, seed: int) -> tuple[MetricEstimate, ...]:
    rewards: dict[str, list[float]] = {}
    for task in tasks:
        score = task.scores[column]
        if score is not None:
            rewards.setdefault(task.metric, []).append(score.reward)
    names = sorted(rewards, key=lambda name: (METRICS.index(name) if name in METRICS else len(METRICS), name))
    return tuple(MetricEstimate(name, _mean(rewards[name], seed), len(rewards[name])) for name in names)


def _measures(scores: Sequence[Score]) -> Measures:
    # Each has evidence: the witness sees to it.
    found = [(score.evidence.verdicts if score.evidence else (), score.plan_valid) for score in scores]
    return judging.measures([judging.Score(verdicts, "" if ok else "unreadable") for verdicts, ok in found])


def _mean(values: Sequence[float], seed: int) -> Estimate:
    return bootstrap_mean(values, seed=seed)
