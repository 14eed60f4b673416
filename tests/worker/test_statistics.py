"""Means and intervals against exact values, and their promised coverage."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest

from autoflow_worker.statistics import (
    Estimate,
    bootstrap_mean,
    paired_bootstrap,
    t_interval,
)


def rewards(rng: np.random.Generator, count: int) -> list[float]:
    """Rewards as workflows have them: many at 0, many at 1, the rest in between."""
    kind = rng.random(count)
    values = np.where(kind < 0.2, 0.0, np.where(kind > 0.6, 1.0, rng.uniform(0.3, 0.9, count)))
    return [float(value) for value in values]


def test_the_t_interval_by_hand() -> None:
    # The standard deviation is sqrt(0.15625); with four degrees of freedom the quantile is 2.77644511.
    half = 2.77644511 * math.sqrt(0.15625 / 5)
    found = t_interval([0.0, 0.25, 0.5, 0.75, 1.0])
    assert (found.mean, found.low, found.high) == pytest.approx((0.5, 0.5 - half, 0.5 + half))


def test_the_bootstrap_interval_is_that_of_all_resamples() -> None:
    data = [0.0, 0.1, 0.45, 0.7, 1.0]
    means = [sum(resample) / 5 for resample in product(data, repeat=5)]
    low, high = np.quantile(means, [0.025, 0.975])
    found = bootstrap_mean(data, seed=3, resamples=40_000)
    assert found.mean == pytest.approx(0.45)
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.021)


def test_the_bootstrap_interval_covers_the_true_mean_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    true_mean = 0.2 * 0 + 0.4 * 0.6 + 0.4 * 1
    runs = 1000
    estimates = (bootstrap_mean(rewards(rng, 50), seed=run, resamples=500) for run in range(runs))
    covered = sum(estimate.low <= true_mean <= estimate.high for estimate in estimates)
    # The percentile bootstrap of 50 values covers a little less than 95%; 3 standard errors are 0.02.
    assert 0.92 <= covered / runs <= 0.965


def test_equal_seeds_give_equal_intervals() -> None:
    data = rewards(np.random.default_rng(6), 30)
    assert bootstrap_mean(data, seed=1) == bootstrap_mean(data, seed=1)
    assert bootstrap_mean(data, seed=1) != bootstrap_mean(data, seed=2)


def test_pairing_removes_what_both_share() -> None:
    rng = np.random.default_rng(7)
    base = np.array(rewards(rng, 60)) * 0.8
    better = base + rng.uniform(0.05, 0.15, 60)
    paired = paired_bootstrap(better.tolist(), base.tolist(), seed=1)
    assert paired.mean == pytest.approx(float((better - base).mean()))
    assert paired.low > 0.08
    unpaired = bootstrap_mean(better.tolist(), seed=1)
    assert paired.high - paired.low < 0.2 * (unpaired.high - unpaired.low)


def test_what_hangs_together_counts_once() -> None:
    data = rewards(np.random.default_rng(8), 40)
    thrice = [value for value in data for _ in range(3)]
    groups = [f"task {index:02}" for index in range(40) for _ in range(3)]
    alone = bootstrap_mean(data, seed=1)
    grouped = bootstrap_mean(thrice, seed=1, groups=groups)
    assert (grouped.low, grouped.high) == pytest.approx((alone.low, alone.high))
    apart = bootstrap_mean(thrice, seed=1)
    assert apart.high - apart.low < 0.7 * (alone.high - alone.low)
    with pytest.raises(ValueError, match="120 values cannot have 2 groups"):
        bootstrap_mean(thrice, seed=1, groups=["a", "b"])


def test_values_that_are_all_equal_have_an_interval_without_width() -> None:
    assert bootstrap_mean([1.0] * 20, seed=1) == Estimate(1.0, 1.0, 1.0)
    assert t_interval([0.5] * 20) == Estimate(0.5, 0.5, 0.5)


def test_one_value_says_nothing_about_its_spread() -> None:
    assert t_interval([0.5]) == Estimate(0.5, -math.inf, math.inf)
    assert t_interval([0.5]).within(0.0, 1.0) == Estimate(0.5, 0.0, 1.0)


def test_nothing_has_no_mean_and_unequal_lengths_no_pairs() -> None:
    with pytest.raises(ValueError, match="no values"):
        bootstrap_mean([], seed=1)
    with pytest.raises(ValueError, match="no values"):
        t_interval([])
    with pytest.raises(ValueError, match="cannot be paired"):
        paired_bootstrap([1.0, 0.0], [1.0], seed=1)
