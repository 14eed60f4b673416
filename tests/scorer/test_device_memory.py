"""Where a device's memory runs out a batch is halved; where that does not help its callers are told so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from autoflow.model_store import ModelStore
from autoflow.suites import ContentType
from autoflow.testing import serving
from autoflow.v1 import scorer_service_pb2 as pb
from autoflow.v1.scorer_service_pb2_grpc import ScorerServiceStub
from autoflow.v1.task_pb2 import Content
from autoflow_scorer.batching import Limits
from autoflow_scorer.engine.cache import EmbeddingCache
from autoflow_scorer.metrics import Comparison, MetricDescription, ReferenceType
from autoflow_scorer.metrics.neural import Machinery, NeuralMetric
from autoflow_scorer.observing import Observer
from autoflow_scorer.service import wire
from tests.scorer.small_device import SmallDevice

TEXTS = Comparison(ContentType.TEXT, ReferenceType.TEXT)


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
