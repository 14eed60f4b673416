"""Attention over a packed batch of ragged sequences, for any model of transformers' attention interface.

The model sees one row of N tokens: whatever each sequence adds in this pass, one after the other, nothing
padded. Its linear layers need no more. Attention comes here through `AttentionInterface` (as vLLM's
transformers backend does it): keys and values go to the sequences' slots, and every token attends to its
own sequence. Sequences that add one token and lie in neighbouring slots are attended to together, over a
view of the slots; a sequence that adds several is attended to by itself.

Supported are full and sliding-window causal attention with grouped heads. Whatever else an architecture
does with scores (soft caps, sinks, biases) is not; `check` refuses it at load.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import torch
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from autoflow.llm.local.cache import SlotCache

IMPLEMENTATION = "autoflow_slots"
"""Its name in transformers."""

_UNSUPPORTED = ("softcap", "s_aux", "position_bias")


@dataclass(frozen=True, slots=True)
class Span:
    """What a sequence adds to a pass: the tokens from `past` to `past + count` of its slot."""

    slot: int
    past: int
    count: int


class Packing:
    """Where the tokens of a packed batch belong.

    Args:
        cache: where keys and values are kept.
        spans: what each sequence adds, in the order of the batch. Those of one token come first, by slot.
        device: where the model is.
    """

    def __init__(self, cache: SlotCache, spans: Sequence[Span], device: torch.device) -> None:
        self.cache = cache
        slots = [span.slot for span in spans for _ in range(span.count)]
        positions = [at for span in spans for at in range(span.past, span.past + span.count)]
        self.slots = torch.tensor(slots, device=device)
        self.positions = torch.tensor(positions, device=device)
        self.parts = _parts(spans, device)

    def attend(
        self,
        module: torch.nn.Module,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        scaling: float,
        window: int | None,
    ) -> torch.Tensor:
        """Stores a layer's keys and values and attends to the sequences'.

        Args:
            module: the attention layer.
            query: [1, heads, N, head size].
            key: [1, key-value heads, N, head size].
            value: [1, key-value heads, N, head size of values].
            scaling: what scores are multiplied by.
            window: how many latest tokens a token sees, itself included; None means all.

        Returns:
            [1, N, heads, head size of values].
        """
        layer: int = module.layer_idx  # type: ignore[assignment]
        keys, values = self.cache.write(layer, key, value, self.slots, self.positions)
        output = query.new_empty(1, query.shape[2], query.shape[1], value.shape[3])
        for part in self.parts:
            output[:, part.start : part.stop] = part.attend(module, query, keys, values, scaling, window)
        return output


class _Singles:
    """Sequences with one new token each: the first tokens of the batch, by slot."""

    def __init__(self, spans: Sequence[Span], device: torch.device) -> None:
        self.start = 0
        self.stop = len(spans)
        self._runs = []
        start = 0
        for at in range(1, len(spans) + 1):
            if at == len(spans) or spans[at].slot != spans[at - 1].slot + 1:
                self._runs.append(_Run(start, spans[start:at], device))
                start = at

    def attend(
        self,
        module: torch.nn.Module,
        query: torch.Tensor,
        keys: torch.Tensor,
        values: torch.Tensor,
        scaling: float,
        window: int | None,
    ) -> torch.Tensor:
        grouped = (query[0, :, : self.stop] * scaling).transpose(0, 1)
        grouped = grouped.reshape(self.stop, keys.shape[1], -1, query.shape[3])
        attended = torch.cat([run.attend(grouped, keys, values, window) for run in self._runs])
        return attended.view(1, self.stop, query.shape[1], values.shape[3])


class _Run:
    """Neighbouring slots among them: the tokens `start` to `stop` of the batch."""

    def __init__(self, start: int, spans: Sequence[Span], device: torch.device) -> None:
        self._tokens = slice(start, start + len(spans))
        self._slots = slice(spans[0].slot, spans[-1].slot + 1)
        self._last = torch.tensor([span.past for span in spans], device=device)[:, None, None, None]
        self._length = max(span.past for span in spans) + 1
        self._ragged = any(span.past + 1 < self._length for span in spans)
        self._masks: dict[int | None, torch.Tensor | None] = {}

    def attend(
        self, queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, window: int | None
    ) -> torch.Tensor:
        """As two products of matrices: for single tokens a third faster on CPUs than the fused kernel.

        Args:
            queries: [tokens of the batch, key-value heads, heads of each, head size], scaled.
            keys: [slots, key-value heads, context, head size].
            values: likewise.
            window: as in `Packing.attend`.
        """
        keys = keys[self._slots, :, : self._length]
        values = values[self._slots, :, : self._length]
        scores = torch.matmul(queries[self._tokens], keys.transpose(-1, -2))
        mask = self._mask(window, scores)
        if mask is not None:
            scores += mask
        return torch.matmul(scores.softmax(-1, dtype=torch.float32).to(values.dtype), values)

    def _mask(self, window: int | None, like: torch.Tensor) -> torch.Tensor | None:
        if window not in self._masks:
            self._masks[window] = self._make_mask(window, like)
        return self._masks[window]

    def _make_mask(self, window: int | None, like: torch.Tensor) -> torch.Tensor | None:
        if not self._ragged and (window is None or window >= self._length):
            return None
        at = torch.arange(self._length, device=like.device)
        hidden = at > self._last
        if window is not None:
            hidden |= at <= self._last - window
        return like.new_zeros(hidden.shape).masked_fill_(hidden, -torch.inf)


class _Chunk:
    """One sequence with several new tokens: the tokens `start` to `stop` of the batch."""

    def __init__(self, start: int, span: Span, device: torch.device) -> None:
        self.start = start
        self.stop = start + span.count
        self._span = span
        self._device = device
        self._masks: dict[int | None, torch.Tensor | None] = {}

    def attend(
        self,
        module: torch.nn.Module,
        query: torch.Tensor,
        keys: torch.Tensor,
        values: torch.Tensor,
        scaling: float,
        window: int | None,
    ) -> torch.Tensor:
        slot, end = self._span.slot, self._span.past + self._span.count
        output, _ = sdpa_attention_forward(
            module,
            query[:, :, self.start : self.stop],
            keys[slot : slot + 1, :, :end],
            values[slot : slot + 1, :, :end],
            self._mask(window),
            scaling=scaling,
            is_causal=True,
        )
        return output

    def _mask(self, window: int | None) -> torch.Tensor | None:
        if window not in self._masks:
            self._masks[window] = self._make_mask(window)
        return self._masks[window]

    def _make_mask(self, window: int | None) -> torch.Tensor | None:
        past, end = self._span.past, self._span.past + self._span.count
        if past == 0 and (window is None or window >= end):
            return None
        own = torch.arange(past, end, device=self._device)[:, None]
        at = torch.arange(end, device=self._device)
        seen = at <= own
        if window is not None:
            seen &= at > own - window
        return seen[None, None]


def _parts(spans: Sequence[Span], device: torch.device) -> list[_Singles | _Chunk]:
    starts = accumulate((span.count for span in spans), initial=0)
    chunks = [
        _Chunk(start, span, device) for start, span in zip(starts, spans, strict=False) if span.count > 1
    ]
    singles = spans[: len(spans) - len(chunks)]
    return [_Singles(singles, device), *chunks] if singles else [*chunks]


def register() -> None:
    """Makes the implementation known to transformers. Doing it again changes nothing."""
    AttentionInterface.register(IMPLEMENTATION, _attention)


def _attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    packing: Packing,
    scaling: float | None = None,
    sliding_window: int | None = None,
    **others: Any,
) -> tuple[torch.Tensor, None]:
    if unknown := [name for name in _UNSUPPORTED if others.get(name) is not None]:
        raise ValueError(f"its attention uses {', '.join(unknown)}")
    scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
    return packing.attend(module, query, key, value, scaling, sliding_window), None
