"""A judge without a model, on a device with little memory and much to warm up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator, Sequence

import torch
from torch import Tensor

from autoflow_scorer.engine.device import in_memory
from autoflow_scorer.metrics import Column, Options
from autoflow_scorer.metrics.judging import Item, Job


class SmallDevice:
    """A judge that tells whether two numbers are equal.

    Args:
        embeds: numbers that its device has memory for.
        compares: pairs that its device has memory for.
        steps: of its warm-up.
    """

    def __init__(self, *, embeds: int = 100, compares: int = 100, steps: int = 0) -> None:
        self._embeds = embeds
        self._compares = compares
        self._steps = steps
        self.warmed = 0
        """Steps of the warm-up that were done."""
        self.warming = threading.Event()
        self.digest = "none"
        self.bytes = 0

    def keys(self, contents: Sequence[str | bytes]) -> list[Hashable]:
        return list(contents)

    def read(self, content: str | bytes, key: Hashable) -> float:
        return float(content)

    def cost(self, payload: float) -> int:
        return 1

    def embed(self, payloads: Sequence[float]) -> list[Tensor]:
        if len(payloads) > self._embeds:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return [torch.tensor(payload) for payload in payloads]

    def warm_up(self) -> Iterator[None]:
        while self.warmed < self._steps:
            self.warmed += 1
            self.warming.set()
            yield

    def settle(self) -> None:
        pass

    def in_memory(self, run: Callable[[Sequence[Job]], Tensor], jobs: Sequence[Job]) -> Tensor:
        return in_memory(run, jobs)

    def jobs(self, pairs: Sequence[tuple[Item, Item]], options: Options) -> list[Job]:
        return [Job(self, output, reference) for output, reference in pairs]

    def compare(self, jobs: Sequence[Job]) -> Tensor:
        if len(jobs) > self._compares:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return torch.tensor([[float(job.output.embedding == job.reference.embedding)] for job in jobs])

    def finish(self, rows: Sequence[Tensor], options: Options) -> Column:
        return Column([float(row) for row in rows])
