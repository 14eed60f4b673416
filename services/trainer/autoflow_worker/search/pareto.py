"""Which workflows are worth searching on from: the Pareto front over tasks and cost.

One workflow dominates another where it is at least as good on every task that the other was measured on,
costs no more, and is better at one of these. The front are those that nobody dominates. A parent is drawn
from it by the number of tasks that it is best on, as in GEPA (Agrawal et al. 2025, arXiv 2507.19457): a
specialist has its chance, and whoever is best on many tasks has many. What is in the front for its cost alone
is never drawn.

Workflows may have been measured on different tasks. One that was measured on few is easily dominated, and can
itself dominate only those that were measured on no others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_EPSILON = 1e-9
"""Rewards that differ by less are equal."""


@dataclass(frozen=True, slots=True)
class Point:
    """A workflow as the front sees it."""

    key: str
    rewards: Mapping[str, float]
    """By task; at least one."""
    cost: float
    """Of an execution, in any unit that all share."""


def dominates(one: Point, other: Point) -> bool:
    """Whether a workflow is at least as good as another in everything, and better in something."""
    if one.cost > other.cost + _EPSILON:
        return False
    gains = []
    for task, reward in other.rewards.items():
        if task not in one.rewards or one.rewards[task] < reward - _EPSILON:
            return False
        gains.append(one.rewards[task] - reward)
    return max(gains, default=0.0) > _EPSILON or one.cost < other.cost - _EPSILON


def front(points: Sequence[Point]) -> list[Point]:
    """Those that no other one dominates, in their order."""
    return [point for point in points if not any(dominates(other, point) for other in points)]


def tasks_best_on(points: Sequence[Point]) -> dict[str, int]:
    """How many tasks each is best on, ties counting for all; one that is best on none has 0."""
    best: dict[str, float] = {}
    for point in points:
        for task, reward in point.rewards.items():
            best[task] = max(reward, best.get(task, 0.0))
    return {
        point.key: sum(reward >= best[task] - _EPSILON for task, reward in point.rewards.items())
        for point in points
    }
