"""Runs the model on what several sequences add at once, and returns the logits they need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from autoflow.llm.local.attention import Packing, Span
from autoflow.llm.local.cache import SlotCache
from autoflow.llm.local.calls import Call


@dataclass(frozen=True, slots=True)
class Advance:
    """A call, and how many of its next ids a pass computes."""

    call: Call[Any]
    count: int

    @property
    def stop(self) -> int:
        """How many ids will have been computed."""
        return self.call.computed + self.count


class Runner:
    """A model over a cache. For use in one thread.

    Args:
        model: a causal model of transformers whose attention is this package's.
        cache: where its keys and values are kept.
    """

    def __init__(self, model: torch.nn.Module, cache: SlotCache) -> None:
        self._model = model
        self._cache = cache
        self._device = next(model.parameters()).device

    def logits(self, advances: Sequence[Advance]) -> torch.Tensor:
        """One forward pass.

        Args:
            advances: calls of one adapter, and what of each is computed; in the order of `in_batch_order`.

        Returns:
            The logits [M, V] of the positions that the calls want, call by call.
        """
        spans = [Span(each.call.slot, each.call.computed, each.count) for each in advances]
        ids = [token for each in advances for token in each.call.ids[each.call.computed : each.stop]]
        packing = Packing(self._cache, spans, self._device)
        output = self._model(
            input_ids=torch.tensor([ids], device=self._device),
            position_ids=packing.positions[None],
            use_cache=False,
            logits_to_keep=torch.tensor(_wanted(advances), dtype=torch.long, device=self._device),
            packing=packing,
        )
        logits: torch.Tensor = output.logits[0]
        return logits


def in_batch_order(advances: Sequence[Advance]) -> list[Advance]:
    """Those of one token first, by slot, so that neighbours are attended to together."""
    return sorted(advances, key=lambda each: (each.count > 1, each.call.slot))


def _wanted(advances: Sequence[Advance]) -> list[int]:
    """Where in the batch the wanted positions are."""
    wanted: list[int] = []
    start = 0
    for each in advances:
        wanted += [start + position - each.call.computed for position in each.call.wanted(each.stop)]
        start += each.count
    return wanted
