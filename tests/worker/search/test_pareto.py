"""The Pareto front: against what its definition says, word for word."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from autoflow_worker.search.pareto import Point, dominates, front, tasks_best_on

REWARDS = st.dictionaries(st.sampled_from("abcd"), st.sampled_from((0.0, 0.5, 1.0)), min_size=1)
POINTS = st.lists(st.tuples(REWARDS, st.sampled_from((1.0, 2.0))), min_size=1, max_size=6).map(
    lambda drawn: [Point(str(key), rewards, cost) for key, (rewards, cost) in enumerate(drawn)]
)


def better(one: Point, other: Point) -> bool:
    """The definition: as good everywhere, and better somewhere."""
    tasks = other.rewards
    as_good = all(one.rewards.get(task, -1.0) >= other.rewards[task] for task in tasks)
    somewhere = any(one.rewards.get(task, -1.0) > other.rewards[task] for task in tasks)
    return as_good and one.cost <= other.cost and (somewhere or one.cost < other.cost)


@given(POINTS)
def test_the_front_are_those_that_nobody_dominates(points: list[Point]) -> None:
    expected = [point for point in points if not any(better(other, point) for other in points)]
    assert front(points) == expected
    assert expected


@given(POINTS)
def test_whoever_is_not_in_the_front_is_dominated_by_somebody_who_is(points: list[Point]) -> None:
    kept = front(points)
    lost = [point for point in points if point not in kept]
    assert all(any(dominates(other, point) for other in kept) for point in lost)


@given(POINTS)
def test_somebody_is_best_on_every_task(points: list[Point]) -> None:
    counts = tasks_best_on(points)
    assert set(counts) == {point.key for point in points}
    tasks = {task for point in points for task in point.rewards}
    assert sum(counts.values()) >= len(tasks)
    for point in points:
        best = [
            task
            for task in point.rewards
            if point.rewards[task] == max(other.rewards.get(task, -1.0) for other in points)
        ]
        assert counts[point.key] == len(best)


def test_a_workflow_that_saw_other_tasks_is_not_dominated() -> None:
    specialist = Point("specialist", {"a": 0.5, "b": 0.0}, 3.0)
    perfect = Point("perfect", {"a": 1.0}, 1.0)
    assert front([specialist, perfect]) == [specialist, perfect]


def test_of_equals_the_cheaper_stays() -> None:
    dear, cheap = Point("dear", {"a": 1.0}, 3.0), Point("cheap", {"a": 1.0}, 2.0)
    assert front([dear, cheap]) == [cheap]
