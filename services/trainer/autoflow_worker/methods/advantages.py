"""Advantages: how much better a sample did than was to be expected."""

from __future__ import annotations

from collections.abc import Sequence


def leave_one_out(rewards: Sequence[float]) -> list[float]:
    """A_i = R_i - 1/(K-1) Σ_{j≠i} R_j (RLOO: Ahmadian et al. 2024, arXiv 2402.14740, section 3.2).

    The baseline does not depend on the sample that it judges, so the gradient stays unbiased. There is no
    division by the standard deviation, which would weigh a difference of rewards by how rare it is.

    Returns:
        An advantage for each reward; all 0 where there are fewer than two rewards.
    """
    count = len(rewards)
    if count < 2:
        return [0.0] * count
    total = sum(rewards)
    return [reward - (total - reward) / (count - 1) for reward in rewards]


def over_baseline(rewards: Sequence[float], baseline: float) -> list[float]:
    """A_i = R_i - b, with a baseline from earlier samples (Williams 1992)."""
    return [reward - baseline for reward in rewards]


def all_equal(values: Sequence[float], tolerance: float = 1e-9) -> bool:
    """Whether nothing tells the values apart but rounding; true of none and of one."""
    return not values or max(values) - min(values) <= tolerance
