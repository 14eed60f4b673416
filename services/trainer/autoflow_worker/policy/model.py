"""The policy in process: base model, adapter, optimiser, and the steps that learn.

Everything is deterministic on one machine and one number of threads: equal weights, moments and batches give
equal weights, bit by bit. There is no dropout and no random choice after the adapter's first values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from autoflow_worker.methods import LoraSettings
from autoflow_worker.policy import adapter as adapters
from autoflow_worker.policy.likelihood import TokenMasks, log_probs, pad
from autoflow_worker.policy.loss import weighted_loss
from autoflow_worker.ports import Batch, Prompt, UpdateStats

GrammarMasks = Callable[[str], TokenMasks]
"""From a grammar (EBNF) to its masks for this model's tokenizer."""


class LoraPolicy:
    """A causal language model with a LoRA adapter that learns.

    Attributes:
        model: base and adapter as peft has them.

    Args:
        base: the model; it is frozen and given an adapter in place.
        name: of the base model in the catalogue.
        settings: of adapter and optimiser.
        temperature: at which the samples are drawn.
        grammars: makes the masks of a grammar.
        seed: of the adapter's first values.
    """

    def __init__(
        self,
        base: PreTrainedModel,
        *,
        name: str,
        settings: LoraSettings,
        temperature: float,
        grammars: GrammarMasks,
        seed: int,
    ) -> None:
        self._settings = settings
        self._temperature = temperature
        self._grammars = grammars
        self._masks: tuple[str, TokenMasks] | None = None
        self.model = adapters.add_adapter(base, settings, name=name, seed=seed)
        self.model.eval()
        self._optimizer = adapters.make_optimizer(self.model, settings)

    def update(self, prompt: Prompt, batches: Sequence[Batch], *, rate: float = 1.0) -> UpdateStats:
        """Takes one step of the optimiser for each batch, at this part of the full learning rate.

        Returns:
            Means over the steps; the divergence is of the weights before each step.
        """
        for group in self._optimizer.param_groups:
            group["lr"] = rate * self._settings.learning_rate
        steps = [self._step(prompt, batch) for batch in batches]
        return UpdateStats(
            kl=sum(step.kl for step in steps) / len(steps),
            loss=sum(step.loss for step in steps) / len(steps),
            gradient_norm=sum(step.gradient_norm for step in steps) / len(steps),
        )

    def _step(self, prompt: Prompt, samples: Batch) -> UpdateStats:
        device = self.model.device
        batch = pad(
            prompt.token_ids, [sample.token_ids for sample in samples], self._masks_of(prompt.grammar)
        ).to(device)
        weights = torch.tensor([sample.weight for sample in samples], device=device)
        with torch.no_grad(), self.model.disable_adapter():
            reference = log_probs(self.model, batch, self._temperature)
        loss = weighted_loss(
            log_probs(self.model, batch, self._temperature),
            reference,
            batch.real,
            weights,
            kl_weight=self._settings.kl_weight,
            length_scale=self._settings.length_scale,
            log_ratio_limit=self._settings.log_ratio_limit,
        )
        self._optimizer.zero_grad()
        loss.total.backward()
        norm = torch.nn.utils.clip_grad_norm_(
            adapters.trainable(self.model).values(), self._settings.max_gradient_norm
        )
        self._optimizer.step()
        return UpdateStats(loss.kl, float(loss.total.detach()), float(norm))

    @torch.no_grad()
    def log_probs(self, prompt: Prompt, drawn: Sequence[tuple[int, ...]]) -> list[tuple[float, ...]]:
        """The log-probability of each token of drawn sequences under the policy as it is now."""
        batch = pad(prompt.token_ids, drawn, self._masks_of(prompt.grammar)).to(self.model.device)
        rows = log_probs(self.model, batch, self._temperature).tolist()
        return [tuple(row[: len(token_ids)]) for row, token_ids in zip(rows, drawn, strict=True)]

    def _masks_of(self, grammar: str) -> TokenMasks:
        # A run has one grammar; compiling it takes a while.
        if self._masks is None or self._masks[0] != grammar:
            self._masks = (grammar, self._grammars(grammar))
        return self._masks[1]

    def save(self, adapter: Path, optimizer: Path) -> None:
        """Writes the adapter to the first folder, to be served, and the optimiser's state to the second."""
        adapters.save_adapter(self.model, adapter)
        adapters.save_optimizer(self.model, self._optimizer, optimizer)

    def load(self, adapter: Path, optimizer: Path) -> None:
        """Goes back to what `save` wrote, exactly."""
        adapters.load_adapter(self.model, adapter)
        adapters.load_optimizer(self.model, self._optimizer, optimizer)


def load_base(path: Path, device: str = "auto") -> PreTrainedModel:
    """Reads a causal language model from a folder of the machine, never from a hub.

    In float32 on every device, as the local provider samples: in fewer bits the likelihoods of the samples
    would be another model's.

    Args:
        path: as transformers saves them.
        device: `cpu`, `cuda` and so on; `auto` takes a GPU where there is one.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32, local_files_only=True)
    return cast(PreTrainedModel, cast(Any, model).to(device))
