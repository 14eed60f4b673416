"""Several executions of one workflow on one task, each with a seed of its own.

A task's reward is the mean over them. Where there are several, intervals are drawn twice over: tasks with
replacement, and within each drawn task its executions. That is a little too wide, for the means of tasks vary
with their executions already; it errs to the safe side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from autoflow_worker.evaluator import cost_of
from autoflow_worker.ports import Score
from autoflow_worker.statistics import RESAMPLES, Estimate, bootstrap_mean, paired_bootstrap

Values = Sequence[Sequence[float]]
"""Of each task the values of its executions, at least one; not all tasks need have as many."""

_DRAWN_TOGETHER = 4_000_000
"""Values that are resampled in one turn, at least one resample."""
_TAIL = 0.025


def merged(scores: Sequence[Score | None]) -> Score | None:
    """One score for all executions of a workflow on a task; None where all are missing.

    The reward is their mean, and so is what the plan is like; the plan is valid, or the task passed, where it
    always was. What there is to see is the first one's.
    """
    there = [score for score in scores if score is not None]
    if len(there) < 2:
        return there[0] if there else None
    return replace(
        there[0],
        plan_valid=all(score.plan_valid for score in there),
        reward=fmean(score.reward for score in there),
        plan_f1=fmean(score.plan_f1 for score in there),
        passed=all(score.passed for score in there),
        cost=cost_of(tuple(there)),
    )


def mean_over(
    values: Values, *, seed: int, groups: Sequence[str] | None = None, resamples: int = RESAMPLES
) -> Estimate:
    """The mean over tasks with its interval.

    Args:
        values: at least of one task.
        seed: of the resampling.
        groups: one a task; tasks of one group are drawn together. Default: every task for itself.
        resamples: how often to resample.

    Raises:
        ValueError: there are no values, or not as many groups.
    """
    if all(len(task) == 1 for task in values):
        return bootstrap_mean([value for (value,) in values], seed=seed, resamples=resamples, groups=groups)
    mean = fmean(map(fmean, values))
    return _nested([(1.0, _Padded(values))], mean, groups or _alone(values), seed, resamples)


def difference_over(
    left: Values,
    right: Values,
    *,
    seed: int,
    groups: Sequence[str] | None = None,
    resamples: int = RESAMPLES,
) -> Estimate:
    """The mean of `left - right` over tasks, task by task, with its interval; see `mean_over`.

    Raises:
        ValueError: there are no values, or not as many on both sides.
    """
    if len(left) != len(right):
        raise ValueError(f"{len(left)} tasks cannot be paired with {len(right)}")
    if all(len(task) == 1 for task in (*left, *right)):
        ours, theirs = ([value for (value,) in side] for side in (left, right))
        return paired_bootstrap(ours, theirs, seed=seed, resamples=resamples, groups=groups)
    mean = fmean(map(fmean, left)) - fmean(map(fmean, right))
    sides = [(1.0, _Padded(left)), (-1.0, _Padded(right))]
    return _nested(sides, mean, groups or _alone(left), seed, resamples)


class _Padded:
    """Values of tasks as an array, (tasks, repeats); what is beyond a task's own is never drawn."""

    def __init__(self, values: Values) -> None:
        self._counts = np.array([len(task) for task in values])
        self._data = np.zeros((len(values), int(self._counts.max())))
        for row, task in zip(self._data, values, strict=True):
            row[: len(task)] = task

    @property
    def size(self) -> int:
        """Values, with the padding."""
        return self._data.size

    def drawn(self, rows: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """The means of each task's values, drawn with replacement, (rows, tasks)."""
        places = rng.random((rows, *self._data.shape)) * self._counts[:, None]
        values = np.take_along_axis(self._data[None], places.astype(np.intp), axis=2)
        found: NDArray[np.float64] = values.mean(axis=2)
        return found


def _nested(
    sides: Sequence[tuple[float, _Padded]],
    mean: float,
    groups: Sequence[str],
    seed: int,
    resamples: int,
) -> Estimate:
    """The interval of a sum of means, each side with its sign."""
    members = np.unique(groups, return_inverse=True)[1]
    sizes = np.bincount(members)
    member = np.zeros((members.size, sizes.size))
    member[np.arange(members.size), members] = 1.0
    rng = np.random.default_rng(seed)
    turn = max(1, _DRAWN_TOGETHER // sum(side.size for _, side in sides))
    means = []
    for done in range(0, resamples, turn):
        rows = min(turn, resamples - done)
        sums = sum(sign * side.drawn(rows, rng) for sign, side in sides) @ member
        picked = rng.integers(0, sizes.size, size=(rows, sizes.size))
        means.append(np.take_along_axis(sums, picked, axis=1).sum(axis=1) / sizes[picked].sum(axis=1))
    low, high = np.quantile(np.concatenate(means), [_TAIL, 1 - _TAIL])
    return Estimate(mean, float(low), float(high))


def _alone(values: Values) -> list[str]:
    return [str(index) for index in range(len(values))]
