"""The log-likelihood of drawn sequences: the sampler's own token ids, under its temperature and grammar mask.

What was sampled is softmax of the masked logits over temperature, so that is what is differentiated.
Recomputing from text could tokenize differently; leaving the mask out would push probability towards tokens
that the sampler can never draw.

Left out: sharing the prompt's computation among the completions of a batch, and chunking the head. Both
matter for long prompts and large vocabularies, not for what is trained here so far.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

TokenMasks = Callable[[Sequence[int]], Tensor]
"""Which tokens the grammar allowed at each position of a drawn sequence: bool [T, V]."""


@dataclass(frozen=True, slots=True)
class PaddedBatch:
    """Completions of one prompt, padded on the right.

    Nothing attends to what is right of it, so padding needs no attention mask: it only makes rows of which
    the results are dropped.
    """

    input_ids: Tensor
    """int [B, P + T]: the prompt, then the completion, then padding."""
    targets: Tensor
    """int [B, T]: the completion, then padding."""
    real: Tensor
    """bool [B, T]: where the targets are tokens and not padding."""
    allowed: Tensor
    """bool [B, T, V]: what the grammar allowed; everything where there is padding."""

    def to(self, device: torch.device) -> PaddedBatch:
        """The same on another device."""
        return PaddedBatch(
            self.input_ids.to(device), self.targets.to(device), self.real.to(device), self.allowed.to(device)
        )


def pad(prompt: Sequence[int], completions: Sequence[Sequence[int]], masks: TokenMasks) -> PaddedBatch:
    """Makes one batch of completions of the same prompt.

    Args:
        prompt: token ids, at least one.
        completions: token ids, at least one sequence of at least one token.
        masks: of the grammar that the completions were drawn under.
    """
    longest = max(len(completion) for completion in completions)
    allowed = [masks(completion) for completion in completions]
    targets = torch.zeros(len(completions), longest, dtype=torch.long)
    real = torch.zeros(len(completions), longest, dtype=torch.bool)
    open_mask = torch.ones(len(completions), longest, allowed[0].shape[-1], dtype=torch.bool)
    for row, completion in enumerate(completions):
        targets[row, : len(completion)] = torch.tensor(completion)
        real[row, : len(completion)] = True
        open_mask[row, : len(completion)] = allowed[row]
    head = torch.tensor(prompt).expand(len(completions), -1)
    return PaddedBatch(torch.cat([head, targets], dim=1), targets, real, open_mask)


def log_probs(model: torch.nn.Module, batch: PaddedBatch, temperature: float) -> Tensor:
    """Log-probability of each target token, float32 [B, T]; 0 where there is padding.

    Args:
        model: a causal language model as transformers has them.
        batch: what was drawn, on the model's device.
        temperature: at which it was drawn, above 0.
    """
    # The position before a token predicts it, so the last prompt token is needed and the last token is not.
    length = batch.targets.shape[1]
    logits = model(input_ids=batch.input_ids[:, :-1], logits_to_keep=length, use_cache=False).logits
    return masked_log_probs(logits, batch, temperature)


def masked_log_probs(logits: Tensor, batch: PaddedBatch, temperature: float) -> Tensor:
    """Log softmax of the allowed logits over temperature, at the targets.

    Args:
        logits: [B, T, V'], where V' may exceed the vocabulary V of the masks (padded embeddings); what is
            beyond V was never allowed.
        batch: the targets and what was allowed.
        temperature: above 0.
    """
    vocabulary = batch.allowed.shape[-1]
    scaled = logits[..., :vocabulary].float() / temperature
    normal = scaled.masked_fill(~batch.allowed, -torch.inf).log_softmax(dim=-1)
    chosen = normal.gather(-1, batch.targets.unsqueeze(-1)).squeeze(-1)
    return torch.where(batch.real, chosen, 0.0)
