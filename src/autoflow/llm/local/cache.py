"""Keys and values of every layer, in slots: one sequence a slot, written in place, never concatenated.

The layout is [slots, key-value heads, context, head size] per layer. Neighbouring slots are one strided
view, so a batch is attended to without gathering it, and a sequence that goes on later is still where it
was. Left out: paging. A slot is as long as the context, so on an accelerator the context should be set no
longer than is needed. On a CPU memory is only taken where something was written.
"""

from __future__ import annotations

import mmap
from math import prod

import torch


class SlotCache:
    """Tensors of keys and values; layers appear as the model first writes them.

    Args:
        slots: how many sequences fit.
        context: how many tokens of each.
    """

    def __init__(self, slots: int, context: int) -> None:
        self.slots = slots
        self.context = context
        self._layers: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    @property
    def bytes_per_token(self) -> int:
        """What a token takes in all layers that were written so far."""
        held = sum(tensor.nbytes for layer in self._layers.values() for tensor in layer)
        return held // (self.slots * self.context)

    def write(
        self,
        layer: int,
        key: torch.Tensor,
        value: torch.Tensor,
        slots: torch.Tensor,
        positions: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Stores what a layer computed for N tokens, and returns all that it has stored.

        Args:
            layer: the layer's index.
            key: [1, heads, N, head size].
            value: [1, heads, N, head size of values].
            slots: the tokens' slots, [N].
            positions: the tokens' places in their sequences, [N].
        """
        if layer not in self._layers:
            self._layers[layer] = (self._allocate(key), self._allocate(value))
        keys, values = self._layers[layer]
        keys[slots, :, positions] = key[0].transpose(0, 1)
        values[slots, :, positions] = value[0].transpose(0, 1)
        return keys, values

    @torch.inference_mode()
    def copy(self, source: int, target: int, length: int) -> None:
        """Copies the first `length` tokens of a slot to another."""
        for layer in self._layers.values():
            for tensor in layer:
                tensor[target, :, :length] = tensor[source, :, :length]

    def _allocate(self, example: torch.Tensor) -> torch.Tensor:
        """Zeros, since a masked score of 0 times whatever was in memory before may still be NaN."""
        shape = (self.slots, example.shape[1], self.context, example.shape[3])
        if example.device.type != "cpu":
            return example.new_zeros(shape)
        # The kernel hands out zeroed pages as they are first written; torch.zeros would write them all now,
        # and numpy's zeros come in huge pages, most of which a short sequence would leave empty.
        size = prod(shape) * example.element_size()
        pages = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        return torch.frombuffer(pages, dtype=example.dtype).view(shape)
