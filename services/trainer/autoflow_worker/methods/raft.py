"""RAFT with replay: likelihood steps on the best of the recent samples (Dong et al. 2023, arXiv 2304.06767).

Dong et al. keep the best of K samples of each prompt. A run has one prompt, so the best are chosen over a
window of iterations instead, and a step replays a few of them. This is reward-filtered fine-tuning, not a
policy gradient: it imitates what did well, and what did badly is never unlearned but only outnumbered.
"""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from autoflow_worker.methods.advantages import all_equal
from autoflow_worker.methods.base import LoraSettings, Method, Rollout, TrainingSettings
from autoflow_worker.ports import Batch, WeightedSample


@dataclass(frozen=True, slots=True)
class Filter:
    """What is imitated."""

    window: int = 10
    """Iterations that are looked back on, the present one included."""
    best: float = 0.2
    """The part of the distinct samples of the window that is good enough, in (0, 1]."""
    floor: float = 0.3
    """The reward that a sample must exceed to be good at all: the best of nothing but failures teach
    nothing.
    """
    replayed: int = 8
    """Samples of one step of the optimiser."""
    steps: int = 1
    """Steps of the optimiser an iteration."""


class Raft(Method):
    """w_i = 1/n over n samples drawn from the best of the window.

    A sequence that was drawn several times counts once, with the mean of its rewards: otherwise what is
    already likely would crowd out the rest, and the policy would soon repeat itself.

    Args:
        settings: what is imitated.
    """

    defaults = TrainingSettings(iterations=40, candidates=8, lora=LoraSettings(learning_rate=1.5e-3))

    def __init__(self, settings: Filter | None = None) -> None:
        self._settings = settings or Filter()
        self._recent: deque[list[Rollout]] = deque(maxlen=self._settings.window)

    def learn(self, rollouts: Sequence[Rollout], *, seed: int) -> list[Batch]:
        """Batches of the best of the window, or none where nothing is good or all are equal."""
        self._recent.append(list(rollouts))
        pool = self._pool()
        if all_equal([rollout.reward for rollout in pool]):
            return []
        best = self._best(pool)
        rng = random.Random(seed)
        count = min(self._settings.replayed, len(best))
        return [
            tuple(WeightedSample(rollout.token_ids, 1 / count) for rollout in rng.sample(best, count))
            for _ in range(self._settings.steps if best else 0)
        ]

    def _pool(self) -> list[Rollout]:
        """The distinct sequences of the window, the newest first."""
        rewards: dict[tuple[int, ...], list[float]] = {}
        for rollout in chain.from_iterable(reversed(self._recent)):
            rewards.setdefault(rollout.token_ids, []).append(rollout.reward)
        return [Rollout(token_ids, sum(seen) / len(seen)) for token_ids, seen in rewards.items()]

    def _best(self, pool: list[Rollout]) -> list[Rollout]:
        """The best part of the pool; among equals the newest, because the sort is stable."""
        count = math.ceil(self._settings.best * len(pool))
        ranked = sorted(pool, key=lambda rollout: -rollout.reward)[:count]
        return [rollout for rollout in ranked if rollout.reward > self._settings.floor]

    def state(self) -> dict[str, Any]:
        """The window."""
        return {
            "recent": [
                [[list(rollout.token_ids), rollout.reward] for rollout in rollouts]
                for rollouts in self._recent
            ]
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Takes over what `state` gave."""
        self._recent.clear()
        for rollouts in state["recent"]:
            self._recent.append([Rollout(tuple(token_ids), reward) for token_ids, reward in rollouts])
