"""Choosing a winner: many candidates on few tasks, then a few of them on many.

The best found in training is flattered twice over: it is the best of many, and it was measured on a handful
of tasks. So a shortlist is measured again on all validation tasks, and the best of those wins. Its validation
mean is still flattered a little (it is the best of a few); only the test split, which chooses nothing, is
not.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from autoflow.suites import Task
from autoflow_worker.cache import EvaluationCache
from autoflow_worker.evaluator import Row, mean_reward
from autoflow_worker.ports import CallFailed, Workflow

SHORTLIST = 8
"""Workflows that are measured on all validation tasks."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a workflow did so far."""

    workflow: Workflow
    mean: float
    tasks: int
    """Distinct tasks that it was measured on."""


def shortlist(
    workflows: Iterable[Workflow], tasks: Iterable[Task], cache: EvaluationCache, size: int = SHORTLIST
) -> list[Workflow]:
    """The distinct workflows of the highest mean reward, the best first.

    Among equal means the one that was measured on more tasks comes first, then the earlier one: a workflow
    that was drawn again and held its mean is the safer choice.

    Args:
        workflows: in the order in which they were drawn; repetitions count once.
        tasks: those of the split that was learned from.
        cache: what is known about them.
        size: how many at most.
    """
    known = {task.digest for task in tasks}
    distinct = {workflow.digest: workflow for workflow in workflows}
    standings = [_standing(workflow, known, cache) for workflow in distinct.values()]
    measured = [standing for standing in standings if standing.tasks]
    measured.sort(key=lambda standing: (-standing.mean, -standing.tasks))
    return [standing.workflow for standing in measured[:size]]


def best(workflows: Sequence[Workflow], rows: Sequence[Row]) -> tuple[Workflow, float]:
    """The workflow of the highest mean with that mean; among equals the first.

    Raises:
        CallFailed: not one workflow could be measured.
    """
    means = [(mean_reward(row), workflow) for workflow, row in zip(workflows, rows, strict=True)]
    measured = [(mean, workflow) for mean, workflow in means if mean is not None]
    if not measured:
        raise CallFailed("no workflow of the shortlist could be measured")
    mean, workflow = max(measured, key=lambda pair: pair[0])
    return workflow, mean


def _standing(workflow: Workflow, known: set[str], cache: EvaluationCache) -> Standing:
    rewards = [score.reward for task, score in cache.row(workflow).items() if task in known]
    # Exactly summed: rewards stand in the order in which they came in, and equals must stay equal.
    return Standing(workflow, math.fsum(rewards) / len(rewards) if rewards else 0.0, len(rewards))
