"""Applies a loaded model to samples, several at once, in passes that fit a budget.

A pass holds what comes one after the other, is of one shape, and costs no more than the budget together, the
shorter ones counted as long as the longest, for so long they become. A call can be given up between passes.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from transformers import PreTrainedModel

from autoflow.errors import ResourceExhausted
from autoflow_experts.experts import Failure, Inputs, Result, Unusable

_RETRY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Item:
    """A sample, ready for the model."""

    payload: Any
    """What the model takes of it."""
    cost: int
    """Tokens, 1 or more."""
    shape: Hashable = None
    """Equal for samples that may be in one pass."""


class Work(Protocol):
    """What a model does."""

    @property
    def model(self) -> PreTrainedModel:
        """The model."""

    def prepare(self, inputs: Inputs) -> Item:
        """Makes a sample ready.

        Raises:
            Unusable: it cannot be done.
        """

    def run(self, items: Sequence[Item], device: torch.device) -> list[Result]:
        """One result for each sample, which may be padded to the longest."""


class Passes:
    """A model at work; see `Network`. Calls take turns, pass by pass.

    The model is moved to its device by the first pass, which is after others have made room for it there.

    Args:
        work: what it does.
        device: where it does it.
        budget: tokens of a pass; a single sample may have more.
    """

    def __init__(self, work: Work, device: torch.device, budget: int) -> None:
        self._work = work
        self._device = device
        self._budget = budget
        # Tokenizers cannot be used by two threads, and a device has memory for one pass.
        self._turn = threading.Lock()
        self.bytes = sum(each.numel() * each.element_size() for each in _tensors(work.model))

    def apply(self, samples: Sequence[Inputs]) -> Iterator[Result]:
        """See `Network`."""
        taken: list[Item | Failure] = []
        for inputs in samples:
            item = self._prepared(inputs)
            if not self._fits(item, taken):
                yield from self._results(taken)
                taken = []
            taken.append(item)
        yield from self._results(taken)

    def _prepared(self, inputs: Inputs) -> Item | Failure:
        try:
            with self._turn:
                return self._work.prepare(inputs)
        except Unusable as reason:
            return Failure(str(reason))

    def _fits(self, item: Item | Failure, taken: Sequence[Item | Failure]) -> bool:
        before = [each for each in taken if isinstance(each, Item)]
        if isinstance(item, Failure) or not before:
            return True
        longest = max(each.cost for each in (*before, item))
        return item.shape == before[0].shape and longest * (len(before) + 1) <= self._budget

    def _results(self, taken: Sequence[Item | Failure]) -> Iterator[Result]:
        items = [each for each in taken if isinstance(each, Item)]
        results = iter(self._run(items) if items else [])
        for each in taken:
            yield each if isinstance(each, Failure) else next(results)

    def _run(self, items: Sequence[Item]) -> list[Result]:
        """Runs a pass at once, or in halves where the device has no memory for it."""
        try:
            with self._turn:
                network: torch.nn.Module = self._work.model
                network.to(self._device)
                with torch.inference_mode():
                    return self._work.run(items, self._device)
        except torch.OutOfMemoryError:
            pass
        # Outside the handler, whose error holds on to the tensors of the pass that failed.
        torch.cuda.empty_cache()
        if len(items) < 2:
            raise ResourceExhausted("the device has no memory left for this sample", _RETRY_SECONDS)
        half = len(items) // 2
        return [*self._run(items[:half]), *self._run(items[half:])]


def _tensors(model: PreTrainedModel) -> Iterator[torch.Tensor]:
    yield from model.parameters()
    yield from model.buffers()
