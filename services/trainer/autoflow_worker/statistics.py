"""Means and their 95% confidence intervals.

- Over *tasks* (one workflow, one reward a task): the percentile bootstrap (Efron 1979), because rewards pile
  up at 0 and 1 and differences of two workflows are far from normal. It is a little too narrow for few tasks:
  with 50 rewards drawn as here it covers about 94 times in 100 (tests/worker/test_statistics.py).
- Over *samples* of a policy (one mean reward a sample): Student's t.

Where all values are equal an interval has no width. That says that nothing varied among what was measured,
not that the mean is known exactly.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

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


def bootstrap_mean(values: Sequence[float], *, seed: int, resamples: int = RESAMPLES) -> Estimate:
    """The mean with its percentile bootstrap interval.

    Args:
        values: one a task, at least one.
        seed: of the resampling.
        resamples: how often to resample.

    Raises:
        ValueError: there are no values.
    """
    data = _array(values)
    rng = np.random.default_rng(seed)
    # In turns: the resamples of very many values together would not fit into memory.
    rows = max(1, _DRAWN_TOGETHER // data.size)
    means = np.concatenate(
        [
            data[rng.integers(0, data.size, size=(min(rows, resamples - done), data.size))].mean(axis=1)
            for done in range(0, resamples, rows)
        ]
    )
    tail = (1 - _CONFIDENCE) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return Estimate(float(data.mean()), float(low), float(high))


def paired_bootstrap(
    left: Sequence[float], right: Sequence[float], *, seed: int, resamples: int = RESAMPLES
) -> Estimate:
    """The mean of `left - right`, pair by pair, with its percentile bootstrap interval over pairs.

    Raises:
        ValueError: the lengths differ, or there are no values.
    """
    differences = _array(left) - _array(right) if len(left) == len(right) else None
    if differences is None:
        raise ValueError(f"{len(left)} values cannot be paired with {len(right)}")
    return bootstrap_mean(differences.tolist(), seed=seed, resamples=resamples)


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


def t_quantile(probability: float, degrees: int) -> float:
    """The quantile of Student's t distribution, by bisection of its integral; correct to about 1e-8.

    Here because scipy would be a large dependency for one number.

    Args:
        probability: in [0.5, 0.999].
        degrees: of freedom, at least 1.
    """
    low, high = 0.0, 1e3
    while high - low > 1e-9 * max(1.0, high):
        middle = (low + high) / 2
        low, high = (middle, high) if _t_cdf(middle, degrees) < probability else (low, middle)
    return (low + high) / 2


def _t_cdf(t: float, degrees: int) -> float:
    """P(T <= t) for t >= 0: with t = sqrt(nu)·tan θ the density becomes cos^(nu-1) θ, smooth on a finite
    range.
    """
    theta = np.linspace(0.0, math.atan(t / math.sqrt(degrees)), 2049)
    density = np.cos(theta) ** (degrees - 1)
    step = theta[1] - theta[0]
    integral = step / 3 * (density[0] + density[-1] + 4 * density[1::2].sum() + 2 * density[2:-1:2].sum())
    scale = math.exp(math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2)) / math.sqrt(math.pi)
    return 0.5 + scale * float(integral)


def _array(values: Sequence[float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    data = np.asarray(values, dtype=np.float64)
    if data.size == 0:
        raise ValueError("there are no values")
    return data
