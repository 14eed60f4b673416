"""REINFORCE with a moving baseline (Williams 1992), one sample an iteration: what the AutoFlow paper does.

With one sample there is nothing to compare it with but the past, so the baseline is an exponential mean of
earlier rewards. It starts at the first reward, from which therefore nothing is learned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from autoflow_worker.methods.advantages import over_baseline
from autoflow_worker.methods.base import LoraSettings, Method, Rollout, TrainingSettings
from autoflow_worker.ports import Batch, WeightedSample


class Reinforce(Method):
    """w_i = (R_i - b) / K, then b ← m·b + (1 - m)·mean R.

    Args:
        momentum: m, in [0, 1).
    """

    defaults = TrainingSettings(iterations=200, candidates=1, lora=LoraSettings(learning_rate=1e-3))

    def __init__(self, momentum: float = 0.9) -> None:
        self._momentum = momentum
        self._baseline: float | None = None

    def learn(self, rollouts: Sequence[Rollout], *, seed: int) -> list[Batch]:
        """One batch of all rollouts, or none where all did exactly as well as the baseline."""
        if not rollouts:
            return []
        rewards = [rollout.reward for rollout in rollouts]
        mean = sum(rewards) / len(rewards)
        baseline = mean if self._baseline is None else self._baseline
        advantages = over_baseline(rewards, baseline)
        self._baseline = self._momentum * baseline + (1 - self._momentum) * mean
        if all(advantage == 0 for advantage in advantages):
            return []
        return [
            tuple(
                WeightedSample(rollout.token_ids, advantage / len(rollouts))
                for rollout, advantage in zip(rollouts, advantages, strict=True)
            )
        ]

    def state(self) -> dict[str, Any]:
        """The baseline."""
        return {"baseline": self._baseline}

    def load(self, state: Mapping[str, Any]) -> None:
        """Takes over what `state` gave."""
        self._baseline = state["baseline"]
