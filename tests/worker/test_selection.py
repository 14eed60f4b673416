"""Shortlists and winners."""

from __future__ import annotations

import pytest

from autoflow.suites import Split
from autoflow_worker.cache import EvaluationCache
from autoflow_worker.ports import CallFailed, Score, Workflow
from autoflow_worker.selection import best, shortlist
from tests.worker.doubles import suite, workflow

TRAIN = suite().tasks(Split.TRAIN)
VALIDATION = suite().tasks(Split.VALIDATION)
A, B, C, D = (workflow(name) for name in ("a", "b", "c", "d"))


def cache_of(rewards: dict[Workflow, list[float]]) -> EvaluationCache:
    """A cache with rewards on the first training tasks."""
    cache = EvaluationCache("any")
    for each, values in rewards.items():
        for task, reward in zip(TRAIN, values, strict=False):
            cache.put(each, task, Score(True, reward))
    return cache


def test_the_shortlist_is_ordered_by_mean_then_by_tasks_then_by_age() -> None:
    cache = cache_of({A: [0.5], B: [1.0, 0.5], C: [0.75, 0.75, 0.75], D: [0.75]})
    assert shortlist([A, D, B, C], TRAIN, cache) == [C, B, D, A]
    assert shortlist([A, B, D], TRAIN, cache_of({A: [0.5], B: [0.5], D: [0.5]})) == [A, B, D]


def test_repetitions_count_once_and_the_list_is_short() -> None:
    cache = cache_of({A: [0.1], B: [0.2], C: [0.3]})
    assert shortlist([A, B, A, C, C, C], TRAIN, cache, size=2) == [C, B]


def test_what_was_never_measured_is_not_on_it() -> None:
    assert shortlist([A, B], TRAIN, cache_of({B: [0.0]})) == [B]
    assert shortlist([], TRAIN, cache_of({})) == []


def test_only_the_split_that_was_learned_from_counts() -> None:
    cache = cache_of({A: [0.9], B: [0.5]})
    cache.put(A, VALIDATION[0], Score(False, 0.0))
    assert shortlist([A, B], TRAIN, cache) == [A, B]


def test_equals_stay_equal_in_whatever_order_their_rewards_came_in() -> None:
    rewards = list(zip(TRAIN, (0.1, 0.2, 0.3), strict=False))
    cache = EvaluationCache("any")
    for each, arrived in ((A, rewards[::-1]), (B, rewards)):
        for task, reward in arrived:
            cache.put(each, task, Score(True, reward))
    assert shortlist([A, B], TRAIN, cache) == [A, B]
    assert shortlist([B, A], TRAIN, cache) == [B, A]


def test_the_winner_has_the_highest_mean_of_what_is_there() -> None:
    rows = [
        (Score(True, 0.5), Score(True, 0.5)),
        (Score(True, 0.75), None),
        (None, None),
        (Score(True, 0.75), Score(True, 0.75)),
    ]
    assert best([A, B, C, D], rows) == (B, 0.75)


def test_there_is_no_winner_where_nothing_could_be_measured() -> None:
    with pytest.raises(CallFailed):
        best([A], [(None,)])
