"""Rewards of workflows whose true quality is known, to see what a rule of promotion makes of them.

A model draws the rewards of an incumbent and of some candidates on the same tasks. All have the same true
mean, but for the first candidate, which may have a stated gain: on a part of the tasks it earns 1 whatever
it would have earned, so that the gain is exact and rewards stay in [0, 1].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autoflow.power import minimum_detectable_effect

Floats = NDArray[np.float64]

_MANY = 200_000
"""Tasks from which a model's own standard deviation is taken."""


@dataclass(frozen=True, slots=True)
class ScoreModel:
    """How noisy rewards come about."""

    name: str
    mean: float
    """True, of every workflow."""
    equal: Callable[[np.random.Generator, int, int], Floats]
    """Draws (workflows, tasks) of equal true mean, for a number of workflows and of tasks."""

    def draw(self, rng: np.random.Generator, candidates: int, tasks: int, gain: float = 0.0) -> Floats:
        """Rewards (1 + candidates, tasks), the incumbent's first.

        Raises:
            ValueError: rewards cannot gain so much.
        """
        if not 0 <= gain <= 1 - self.mean:
            raise ValueError(f"{self.name}: a mean of {self.mean} cannot gain {gain}")
        rewards = self.equal(rng, 1 + candidates, tasks)
        rewards[1, rng.random(tasks) < gain / (1 - self.mean)] = 1.0
        return rewards

    def sd(self, gain: float = 0.0) -> float:
        """Of the paired differences between the first candidate and the incumbent."""
        incumbent, candidate = self.draw(np.random.default_rng(0), 1, _MANY, gain)
        return float((candidate - incumbent).std())

    def stated_effect(self, tasks: int, candidates: int) -> tuple[float, float]:
        """The gain that is the minimum detectable effect at its own standard deviation, and that deviation.

        It may be more than these rewards can gain.
        """
        gain, sd = 0.0, self.sd()
        for _ in range(20):
            gain = minimum_detectable_effect(tasks, sd, candidates=candidates)
            if gain >= 1 - self.mean:
                break
            sd = self.sd(gain)
        return gain, sd


def _solved(rng: np.random.Generator, workflows: int, tasks: int) -> Floats:
    difficulty = rng.beta(0.8, 1.2, tasks)
    return (rng.random((workflows, tasks)) < difficulty).astype(np.float64)


def _beta(rng: np.random.Generator, workflows: int, tasks: int) -> Floats:
    return rng.beta(0.4, 0.6, (workflows, tasks))


def _lopsided(rng: np.random.Generator, workflows: int, tasks: int) -> Floats:
    rewards = (rng.random((workflows, tasks)) < 0.7).astype(np.float64)
    rewards[0] = 0.7
    return rewards


SOLVED = ScoreModel("solved", 0.4, _solved)
"""Plans that are right or wrong: 0 or 1, with a difficulty of each task that all workflows share."""
BETA = ScoreModel("beta", 0.4, _beta)
"""Rewards between, piled up towards 0 and 1, of workflows that have nothing in common."""
LOPSIDED = ScoreModel("lopsided", 0.7, _lopsided)
"""The incumbent always earns .7, the others 1 in seven cases of ten: as skewed as rewards come."""


def empirical(measured: Floats) -> ScoreModel:
    """Rewards that real workflows earned: on each task each workflow of the model earns what one of them did.

    Args:
        measured: (workflows, tasks).
    """

    def equal(rng: np.random.Generator, workflows: int, tasks: int) -> Floats:
        who = rng.integers(0, len(measured), size=(workflows, tasks))
        return measured[who, rng.integers(0, measured.shape[1], size=tasks)]

    return ScoreModel("planning", float(measured.mean()), equal)


def rows_of(rewards: Floats, wordings: int = 1) -> list[list[list[float]]]:
    """Rewards (workflows, tasks) as `autoflow_worker.acceptance` takes them: one seed, all wordings alike."""
    return [[[float(reward)] for reward in row for _ in range(wordings)] for row in rewards]


def distinct(rows: Sequence[Sequence[float]], least: float) -> Floats:
    """The different rows of those that earn something at all."""
    found = {tuple(row): None for row in rows if sum(row) > least * len(row)}
    return np.array(list(found), dtype=np.float64)
