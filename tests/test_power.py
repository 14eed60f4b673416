"""Power told beforehand: against scipy, by hand, and back from effects to tasks."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoflow.power import (
    ASSUMED_SD,
    LEAST_TASKS,
    Power,
    minimum_detectable_effect,
    power_of,
    t_quantile,
    tasks_needed,
)

# scipy.stats.t.ppf of scipy 1.17, to eight digits: by degrees of freedom, then by probability.
PROBABILITIES = (0.5, 0.6, 0.95, 0.975, 0.999, 0.9984375)
QUANTILES = {
    1: (0.0, 0.3249197, 6.31375151, 12.70620474, 318.30883899, 203.71669091),
    2: (0.0, 0.28867513, 2.91998558, 4.30265273, 22.32712477, 17.84659022),
    3: (0.0, 0.27667066, 2.35336343, 3.18244631, 10.21453185, 8.76763289),
    11: (0.0, 0.25955586, 1.79588482, 2.20098516, 4.02470104, 3.76544303),
    47: (0.0, 0.25478594, 1.67792672, 2.01174051, 3.27291238, 3.11573522),
    255: (0.0, 0.25361159, 1.65085109, 1.96931057, 3.12249863, 2.9836153),
    1000: (0.0, 0.25341452, 1.64637882, 1.96233908, 3.09840216, 2.96237368),
}


@pytest.mark.parametrize("degrees", QUANTILES)
def test_quantiles_of_student_are_those_of_scipy(degrees: int) -> None:
    found = [t_quantile(probability, degrees) for probability in PROBABILITIES]
    assert found == pytest.approx(QUANTILES[degrees], rel=1e-7, abs=1e-9)


@pytest.mark.parametrize(("probability", "degrees"), [(0.4, 3), (1.0, 3), (0.9, 0)])
def test_no_other_quantiles_are_told(probability: float, degrees: int) -> None:
    with pytest.raises(ValueError, match="no quantile"):
        t_quantile(probability, degrees)


def test_the_effect_by_hand() -> None:
    # t[.975, 19] = 2.09302405 and t[.8, 19] = 0.86095063; the square root of 20 - 4 is 4.
    assert minimum_detectable_effect(20, 0.5) == pytest.approx(1.04 * (2.09302405 + 0.86095063) * 0.5 / 4)
    # Of eight candidates t[1 - .025/8, 19] = 3.07375200 takes the place of the first.
    assert minimum_detectable_effect(20, 0.5, candidates=8) == pytest.approx(
        1.04 * (3.07375200 + 0.86095063) * 0.5 / 4
    )


def test_what_is_told_before() -> None:
    assert power_of(25, candidates=8) == Power(
        25, minimum_detectable_effect(25, ASSUMED_SD, candidates=8), ASSUMED_SD
    )


def test_too_few_tasks_see_nothing() -> None:
    assert minimum_detectable_effect(LEAST_TASKS - 1) == math.inf
    assert minimum_detectable_effect(0) == math.inf
    assert minimum_detectable_effect(LEAST_TASKS) < 1.0
    with pytest.raises(ValueError, match="-1 tasks"):
        minimum_detectable_effect(-1)


@given(
    effect=st.floats(0.02, 1.0),
    sd=st.floats(0.05, 1.0),
    candidates=st.integers(1, 16),
)
def test_the_fewest_tasks_that_see_an_effect(effect: float, sd: float, candidates: int) -> None:
    tasks = tasks_needed(effect, sd, candidates=candidates)
    assert minimum_detectable_effect(tasks, sd, candidates=candidates) <= effect
    assert tasks == LEAST_TASKS or minimum_detectable_effect(tasks - 1, sd, candidates=candidates) > effect


@given(st.integers(LEAST_TASKS, 500), st.integers(1, 15))
def test_more_tasks_see_more_and_more_candidates_less(tasks: int, candidates: int) -> None:
    effect = minimum_detectable_effect(tasks, candidates=candidates)
    assert minimum_detectable_effect(tasks + 1, candidates=candidates) < effect
    assert minimum_detectable_effect(tasks, candidates=candidates + 1) > effect


def test_arguments_out_of_range_are_refused() -> None:
    for wrong in ({"sd": 0.0}, {"confidence": 1.0}, {"power": 0.3}, {"candidates": 0}):
        with pytest.raises(ValueError, match="no power"):
            minimum_detectable_effect(20, **wrong)
    with pytest.raises(ValueError, match="no tasks"):
        tasks_needed(0.0)
