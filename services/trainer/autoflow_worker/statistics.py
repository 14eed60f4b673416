"""Means and their 95% confidence intervals.

- Over *tasks* (one workflow, one reward a task): the percentile bootstrap (Efron 1979), because rewards pile
  up at 0 and 1 and differences of two workflows are far from normal. It is a little too narrow for few tasks:
  with 50 rewards drawn as here it covers about 94 times in 100 (tests/worker/test_statistics.py). Tasks that
  hang together are drawn together, where their groups are told.
- Over *samples* of a policy (one mean reward a sample): Student's t.

Where all values are equal an interval has no width. That says that nothing varied among what was measured,
not that the mean is known exactly.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autoflow.power import t_quantile

RESAMPLES = 10_000
"""Of one bootstrap; the interval's bounds then move by about 1% of its width from seed to seed."""

_CONFIDENCE = 0.95
_DRAWN_TOGETHER = 4_000_000
"""Values that are resampled in one turn, at least one resample."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its 95% confidence interval."""

    mean: float
    low: float
    high: float

    def within(self, lowest: float, highest: float) -> Estimate:
        """The same with bounds that a mean can have, such as 0 and 1 for rewards."""
        return Estimate(self.mean, max(self.low, lowest), min(self.high, highest))


def bootstrap_mean(
    values: Sequence[float],
    *,
    seed: int,
    resamples: int = RESAMPLES,
    groups: Sequence[str] | None = None,
) -> Estimate:
    """The mean with its percentile bootstrap interval.

    Args:
        values: one a task, at least one.
        seed: of the resampling.
        resamples: how often to resample.
        groups: one a task; the tasks of a group are drawn together. Default: every task for itself.

    Raises:
        ValueError: there are no values, or not as many groups.
    """
    data = _array(values)
    sums: NDArray[np.float64] = data
    counts: NDArray[np.float64] = np.ones_like(data)
    if groups is not None:
        if len(groups) != data.size:
            raise ValueError(f"{data.size} values cannot have {len(groups)} groups")
        members = np.unique(groups, return_inverse=True)[1]
        sums = np.bincount(members, weights=data).astype(np.float64)
        counts = np.bincount(members).astype(np.float64)
    rng = np.random.default_rng(seed)
    # In turns: the resamples of very many values together would not fit into memory.
    rows = max(1, _DRAWN_TOGETHER // sums.size)
    means = []
    for done in range(0, resamples, rows):
        drawn = rng.integers(0, sums.size, size=(min(rows, resamples - done), sums.size))
        means.append(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1))
    tail = (1 - _CONFIDENCE) / 2
    low, high = np.quantile(np.concatenate(means), [tail, 1 - tail])
    return Estimate(float(data.mean()), float(low), float(high))


def paired_bootstrap(
    left: Sequence[float],
    right: Sequence[float],
    *,
    seed: int,
    resamples: int = RESAMPLES,
    groups: Sequence[str] | None = None,
) -> Estimate:
    """The mean of `left - right`, pair by pair, with its percentile bootstrap interval over pairs.

    Raises:
        ValueError: the lengths differ, or there are no values.
    """
    differences = _array(left) - _array(right) if len(left) == len(right) else None
    if differences is None:
        raise ValueError(f"{len(left)} values cannot be paired with {len(right)}")
    return bootstrap_mean(differences.tolist(), seed=seed, resamples=resamples, groups=groups)


def t_interval(values: Sequence[float]) -> Estimate:
    """The mean with Student's t interval; a single value has an interval from minus to plus infinity.

    Raises:
        ValueError: there are no values.
    """
    data = _array(values)
    mean = float(data.mean())
    if data.size == 1:
        return Estimate(mean, -math.inf, math.inf)
    error = float(data.std(ddof=1)) / math.sqrt(data.size)
    half = t_quantile((1 + _CONFIDENCE) / 2, data.size - 1) * error
    return Estimate(mean, mean - half, mean + half)


def _array(values: Sequence[float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    data = np.asarray(values, dtype=np.float64)
    if data.size == 0:
        raise ValueError("there are no values")
    return data
