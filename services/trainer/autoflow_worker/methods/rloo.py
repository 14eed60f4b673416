"""RLOO: REINFORCE with a leave-one-out baseline (Ahmadian et al. 2024, arXiv 2402.14740).

One step an iteration on exactly the samples of that iteration, so no ratio to an older policy is needed and
none is computed: there is no clipping because there is nothing to clip.
"""

from __future__ import annotations

from collections.abc import Sequence

from autoflow_worker.methods.advantages import all_equal, leave_one_out
from autoflow_worker.methods.base import LoraSettings, Method, Rollout, TrainingSettings
from autoflow_worker.ports import Batch, WeightedSample


class Rloo(Method):
    """w_i = A_i / K with leave-one-out advantages A."""

    defaults = TrainingSettings(
        iterations=24, candidates=16, lora=LoraSettings(learning_rate=4e-3, kl_weight=0.01)
    )

    def learn(self, rollouts: Sequence[Rollout], *, seed: int) -> list[Batch]:
        """One batch of all rollouts, or none where all did equally well."""
        rewards = [rollout.reward for rollout in rollouts]
        if all_equal(rewards):
            return []
        advantages = leave_one_out(rewards)
        return [
            tuple(
                WeightedSample(rollout.token_ids, advantage / len(rollouts))
                for rollout, advantage in zip(rollouts, advantages, strict=True)
            )
        ]
