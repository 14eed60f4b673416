"""What all methods share: their settings, what they learn from, and what they give to the policy.

Every update minimises, over the samples i of a batch with completion tokens t,

    L = - Σ_i w_i Σ_t log π(y_it) / C  +  β · (1/n) Σ_i Σ_t k3_it / C

where the method chooses the weights w, C is a constant (so that a long completion is neither favoured nor
punished for its length, unlike with a mean over its own tokens) and k3 is an estimate of the KL divergence to
the untrained model. One term serves all methods: a weight may be an advantage or a plain 1/n.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from autoflow_worker.ports import Batch


@dataclass(frozen=True, slots=True)
class LoraSettings:
    """A LoRA adapter and its optimiser."""

    rank: int = 8
    alpha: float = 16.0
    """The adapter's output is scaled by `alpha / rank`."""
    learning_rate: float = 1.5e-3
    """Of AdamW at the first iteration, without weight decay."""
    final_rate: float = 0.1
    """The part of it that is left at the last iteration; in between it falls linearly."""
    kl_weight: float = 0.02
    """β of the loss."""
    length_scale: float = 128.0
    """C of the loss, in tokens."""
    log_ratio_limit: float = 3.0
    """The log-ratio of k3 is cut off at plus and minus this: k3 grows exponentially, and one outlying token
    would otherwise decide the step."""
    max_gradient_norm: float = 1.0


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """How much a run does, how it draws, and how it learns."""

    iterations: int
    candidates: int
    """Of an iteration."""
    tasks: int = 6
    """Training tasks of an iteration, the same for all its candidates."""
    temperature: float = 1.0
    """Of the draw. 1 samples the policy itself; the likelihood is computed at the same temperature."""
    max_tokens: int = 384
    """Of one candidate."""
    max_steps: int = 8
    """Of one workflow, by the grammar."""
    lora: LoraSettings = field(default_factory=LoraSettings)

    def rate(self, iteration: int) -> float:
        """The part of the full learning rate that an iteration's steps take."""
        passed = iteration / max(1, self.iterations - 1)
        return 1 - passed * (1 - self.lora.final_rate)


@dataclass(frozen=True, slots=True)
class Rollout:
    """One drawn candidate with its reward."""

    token_ids: tuple[int, ...]
    reward: float
    """The mean over the iteration's tasks, in [0, 1]."""


class Method(ABC):
    """Turns rewards into what the policy learns from."""

    defaults: ClassVar[TrainingSettings]
    """What a run does where its request leaves it open."""

    @abstractmethod
    def learn(self, rollouts: Sequence[Rollout], *, seed: int) -> list[Batch]:
        """Takes in an iteration's rollouts and chooses what to learn from.

        Args:
            rollouts: every candidate that has a reward; may be empty.
            seed: of any choice that the method makes.

        Returns:
            A batch for each step of the optimiser; none where there is nothing to learn.
        """

    def state(self) -> dict[str, Any]:
        """What must survive a restart, as JSON can hold it."""
        return {}

    def load(self, state: Mapping[str, Any]) -> None:  # noqa: B027 - a method without state has nothing to do
        """Takes over what `state` gave."""
