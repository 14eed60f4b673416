"""Where a device's memory runs out a batch is halved; where that does not help its callers are told so."""

from __future__ import annotations

from collections.abc import AsyncIterator, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
import torch
from torch import Tensor

from autoflow.model_store import ModelStore
from autoflow.suites import ContentType
from autoflow.testing import serving
from autoflow.v1 import scorer_service_pb2 as pb
from autoflow.v1.scorer_service_pb2_grpc import ScorerServiceStub
from autoflow.v1.task_pb2 import Content
from autoflow_scorer.batching import Limits
from autoflow_scorer.engine.cache import EmbeddingCache
from autoflow_scorer.metrics import Column, Comparison, MetricDescription, Options, ReferenceType
from autoflow_scorer.metrics.neural import Item, Job, Machinery, NeuralMetric
from autoflow_scorer.observing import Observer
from autoflow_scorer.service import wire

TEXTS = Comparison(ContentType.TEXT, ReferenceType.TEXT)


class SmallDevice:
    """Tells whether two numbers are equal, on a device that has memory for so many at once."""

    def __init__(self, *, embeds: int = 100, compares: int = 100) -> None:
        self._embeds = embeds
        self._compares = compares
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

    def settle(self) -> None:
        pass

    def jobs(self, pairs: Sequence[tuple[Item, Item]], options: Options) -> list[Job]:
        return [Job(self, output, reference) for output, reference in pairs]

    def compare(self, jobs: Sequence[Job]) -> Tensor:
        if len(jobs) > self._compares:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return torch.tensor([[float(job.output.embedding == job.reference.embedding)] for job in jobs])

    def finish(self, rows: Sequence[Tensor], options: Options) -> Column:
        return Column([float(row) for row in rows])


@asynccontextmanager
async def scoring(device: SmallDevice) -> AsyncIterator[Any]:
    with ThreadPoolExecutor(1) as executor:
        machinery = Machinery(executor, ModelStore(1 << 30), EmbeddingCache(0), Limits(1000), Observer())
        metric = NeuralMetric(
            MetricDescription("equal", "Made for a test.", (TEXTS,)), lambda: device, machinery
        )
        # Without a client, which would wait and ask again.
        async with serving(wire([metric])) as address, grpc.aio.insecure_channel(address) as channel:
            yield ScorerServiceStub(channel)


def request(*pairs: tuple[int, int]) -> pb.ScoreOutputsRequest:
    return pb.ScoreOutputsRequest(
        pairs=[
            pb.ScorePair(output=Content(text=str(output)), content=Content(text=str(reference)))
            for output, reference in pairs
        ],
        metrics=["equal"],
    )


@pytest.mark.parametrize("device", [SmallDevice(embeds=3), SmallDevice(compares=2)])
async def test_a_batch_is_halved_wherever_memory_runs_out(device: SmallDevice) -> None:
    async with scoring(device) as scorer:
        answer = await scorer.ScoreOutputs(request(*((number, number // 2) for number in range(10))))
    assert list(answer.scores[0].values) == [1.0] + [0.0] * 9


@pytest.mark.parametrize("device", [SmallDevice(embeds=0), SmallDevice(compares=0)])
async def test_a_device_without_any_memory_is_told_to_those_who_ask(device: SmallDevice) -> None:
    async with scoring(device) as scorer:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await scorer.ScoreOutputs(request((1, 2), (3, 4)))
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "grpc-retry-pushback-ms" in dict(refused.value.trailing_metadata())
