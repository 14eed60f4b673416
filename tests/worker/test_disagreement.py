"""Metrics that contradict each other, and what winners use."""

from __future__ import annotations

import math

import pytest

from autoflow_worker.disagreement import Growth, Metric, Strength, disagreement, growth
from autoflow_worker.statistics import Estimate

UP = Metric("reward", Estimate(0.2, 0.1, 0.3))


def other(mean: float, low: float, high: float) -> Metric:
    """The metric that was not optimised."""
    return Metric("plan F1", Estimate(mean, low, high))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (other(0.1, 0.05, 0.2), None),
        (other(0.0, -0.1, 0.1), None),
        (other(-0.04, -0.14, 0.06), None),
        (other(-0.06, -0.16, 0.04), Strength.WEAK),
        (other(-0.1, -0.2, 0.0), Strength.WEAK),
        (other(-0.1, -0.19, -0.01), Strength.STRONG),
    ],
)
def test_how_surely_they_disagree(found: Metric, expected: Strength | None) -> None:
    told = disagreement(UP, found)
    assert (told and told.strength) == expected


@pytest.mark.parametrize("low", [0.0, -0.1])
def test_nothing_contradicts_a_gain_that_is_none(low: float) -> None:
    gained = Metric("reward", Estimate(0.2, low, 0.3))
    assert disagreement(gained, other(-0.1, -0.2, -0.05)) is None


def test_what_a_person_is_told() -> None:
    strong = disagreement(UP, other(-0.1, -0.19, -0.01))
    assert strong is not None
    assert strong.sentence == (
        "reward, which was optimised, differs by +0.200 (+0.100 to +0.300), "
        "but plan F1, which was not, by -0.100 (-0.190 to -0.010): its interval lies below zero"
    )


def test_what_grew_is_told_the_most_grown_first() -> None:
    winner = {"steps": 6.0, "tokens": 900.0, "USD": 0.01, "tool calls": 2.0, "seconds": 1.0}
    incumbent = {"steps": 4.0, "tokens": 300.0, "USD": 0.009, "tool calls": 0.0}
    found = growth(winner, incumbent)
    assert [one.what for one in found] == ["tool calls", "tokens", "steps"]
    assert [one.ratio for one in found] == [math.inf, 3.0, 1.5]
    assert found[0].sentence == "the winner uses 2 tool calls, the incumbent 0"
    assert found[1].sentence == "the winner uses 900 tokens, the incumbent 300: 3.00 times as much"
    assert growth(winner, incumbent, at_least=3.0) == found[:2]


def test_what_did_not_grow_is_not_told() -> None:
    assert growth({"steps": 4.0, "USD": 0.0}, {"steps": 4.0, "USD": 0.0}, at_least=1.0) == ()
    assert growth({"steps": 2.0}, {"steps": 4.0}) == ()
    assert Growth("steps", 2.0, 4.0).ratio == 0.5
    with pytest.raises(ValueError, match="less than nothing"):
        growth({"steps": -1.0}, {"steps": 1.0})
