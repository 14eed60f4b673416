"""Draws the next token of many sequences at once, each under its own temperature, grammar and seed.

One uniform number per token picks it by inversion of the cumulative distribution, and it comes from the
sequence's own generator: what else is in the batch changes a sample at most through rounding of the logits.
Left out: top-k, top-p and penalties. A likelihood under them would have to undo them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import xgrammar

_SEEDS = 2**64


class Draw:
    """How one sequence draws.

    Args:
        temperature: 0 takes the likeliest token.
        seed: any integer; equal seeds draw equal samples.
        matcher: the sequence's place in its grammar; None draws freely.
    """

    def __init__(self, temperature: float, seed: int, matcher: xgrammar.GrammarMatcher | None) -> None:
        self.temperature = temperature
        self.matcher = matcher
        self._generator = np.random.default_rng(seed % _SEEDS) if temperature > 0 else None

    def uniform(self) -> float:
        """The next number in [0, 1); 0 where the temperature leaves nothing to chance."""
        return self._generator.random() if self._generator is not None else 0.0


class Sampler:
    """Draws for batches of sequences. For use in one thread.

    Args:
        threads: threads that compute grammar masks.
    """

    def __init__(self, threads: int = 1) -> None:
        self._matchers = xgrammar.BatchGrammarMatcher(max_threads=threads)

    def draw(self, logits: torch.Tensor, draws: Sequence[Draw]) -> tuple[list[int], list[float]]:
        """Draws one token for each sequence, and moves its matcher on.

        Args:
            logits: [B, V] of any float type; overwritten where grammars mask them.
            draws: how each of the B sequences draws.

        Returns:
            The ids, and their log-probabilities under temperature and mask in float32. At temperature 0
            these are the probabilities of temperature 1. An id is -1 where a grammar left nothing to draw.
        """
        logits = logits.float()
        self._mask(logits, draws)
        if any(draw.temperature not in (0.0, 1.0) for draw in draws):
            temperatures = torch.tensor([draw.temperature or 1.0 for draw in draws], device=logits.device)
            logits = logits / temperatures[:, None]
        log_probs = logits.log_softmax(-1)
        ids = log_probs.argmax(-1)
        chance = [row for row, draw in enumerate(draws) if draw.temperature > 0]
        if chance:
            uniforms = torch.tensor([draws[row].uniform() for row in chance], device=logits.device)
            rows = torch.tensor(chance, device=logits.device)
            ids[rows] = _invert(log_probs[rows], uniforms)
        drawn = log_probs.gather(1, ids[:, None])[:, 0]
        return self._accept(ids.tolist(), draws), drawn.tolist()

    def _mask(self, logits: torch.Tensor, draws: Sequence[Draw]) -> None:
        rows = [row for row, draw in enumerate(draws) if draw.matcher is not None]
        if not rows:
            return
        matchers = [draw.matcher for draw in draws if draw.matcher is not None]
        bits = xgrammar.allocate_token_bitmask(len(draws), logits.shape[1])
        self._matchers.batch_fill_next_token_bitmask(matchers, bits, rows)
        xgrammar.apply_token_bitmask_inplace(logits, bits.to(logits.device), indices=rows)

    @staticmethod
    def _accept(ids: list[int], draws: Sequence[Draw]) -> list[int]:
        return [
            token if draw.matcher is None or draw.matcher.accept_token(token) else -1
            for token, draw in zip(ids, draws, strict=True)
        ]


def _invert(log_probs: torch.Tensor, uniforms: torch.Tensor) -> torch.Tensor:
    """The first token whose cumulative probability exceeds the uniform number."""
    cumulative = log_probs.exp().cumsum(-1)
    total = cumulative[:, -1:].contiguous()
    picked = torch.searchsorted(cumulative, uniforms[:, None].to(total.dtype) * total, right=True)
    # Rounding may push the product up to the total; what first reaches the total has a probability, later
    # ids may not.
    return torch.minimum(picked, torch.searchsorted(cumulative, total))[:, 0]
