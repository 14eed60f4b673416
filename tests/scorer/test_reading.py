"""Whoever sends much to read keeps nobody waiting, and one who gives up is not read to the end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from autoflow.model_store import ModelStore
from autoflow_scorer.batching import Caller, Limits
from autoflow_scorer.engine.cache import EmbeddingCache
from autoflow_scorer.metrics import MetricDescription, Options, Pair
from autoflow_scorer.metrics.neural import Machinery, NeuralMetric
from autoflow_scorer.metrics.slicing import slices
from autoflow_scorer.observing import Observer
from tests.scorer.small_device import SmallDevice

DEADLINE = 30.0
LARGE = 1000
"""The least of the numbers whose reading takes until the gate is open."""


class Gated(SmallDevice):
    """Reads large numbers, and finds the keys of long texts, when it is let go."""

    def __init__(self) -> None:
        super().__init__(embeds=10_000, compares=10_000)
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.keyed = 0

    def keys(self, contents: Sequence[str | bytes]) -> list[Hashable]:
        self.keyed += len(contents)
        if len(contents[0]) > LARGE:
            self._wait()
        return super().keys(contents)

    def read(self, content: str | bytes, key: Hashable) -> float:
        number = super().read(content, key)
        if number >= LARGE:
            self._wait()
        return number

    def _wait(self) -> None:
        self.entered.set()
        assert self.gate.wait(DEADLINE)


@asynccontextmanager
async def metric_of(device: Gated) -> AsyncIterator[NeuralMetric]:
    with ThreadPoolExecutor(1) as executor:
        limits = Limits(100_000)
        machinery = Machinery(executor, ModelStore(1 << 30), EmbeddingCache(0), limits, Observer())
        try:
            yield NeuralMetric(MetricDescription("equal", "", ()), lambda: device, machinery)
        finally:
            device.gate.set()


async def test_a_request_with_little_to_read_waits_for_none_with_much() -> None:
    device = Gated()
    much = [Pair(str(LARGE + number), str(-number)) for number in range(4096)]
    async with metric_of(device) as metric, asyncio.timeout(DEADLINE):
        reading = asyncio.create_task(metric.score(much, Options(), Caller("a")))
        assert await asyncio.to_thread(device.entered.wait, DEADLINE)
        little = await metric.score([Pair("1", "1"), Pair("1", "2")], Options(), Caller("b"))
        assert not reading.done()
        device.gate.set()
        await reading

    assert list(little.values) == [1, 0]


async def test_long_texts_of_a_request_that_was_given_up_are_left_alone() -> None:
    device = Gated()
    long = [Pair("0" * 100_000 + str(number), "0" * 100_000) for number in range(50)]
    async with metric_of(device) as metric, asyncio.timeout(DEADLINE):
        reading = asyncio.create_task(metric.score(long, Options(), Caller("a")))
        assert await asyncio.to_thread(device.entered.wait, DEADLINE)
        reading.cancel()
        await asyncio.wait([reading])
        device.gate.set()
        await metric.score([Pair("1", "1")], Options(), Caller("a"))

    assert device.keyed < 10


def test_slices_are_cut_where_they_are_full() -> None:
    assert [list(some) for some in slices([1, 1, 5, 1, 1], int, 3)] == [[1, 1, 5], [1, 1]]
    assert [list(some) for some in slices([1] * 5, int, 100, 2)] == [[1, 1], [1, 1], [1]]
    assert [list(some) for some in slices([0], int, 1)] == [[0]]
