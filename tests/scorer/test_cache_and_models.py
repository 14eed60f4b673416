"""What is kept in memory, and what goes."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autoflow.errors import FailedPrecondition, ResourceExhausted
from autoflow_scorer.engine.cache import EmbeddingCache
from autoflow_scorer.engine.models import ModelStore


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 400)), max_size=60), st.integers(0, 8_000))
def test_the_cache_keeps_the_latest_within_its_bytes(puts: list[tuple[int, int]], limit: int) -> None:
    cache = EmbeddingCache(limit)
    for key, size in puts:
        cache.put(key, torch.full((size,), float(size)))
        assert cache.bytes <= limit

    latest = dict(puts)
    kept = [key for key in latest if key in cache]
    for key in kept:
        held = cache.get(key)
        assert held is not None
        assert held.tolist() == [float(len(held))] * len(held)
    assert cache.bytes == sum(4 * len(held) + 300 for key in kept if (held := cache.get(key)) is not None)


def test_the_least_recently_used_goes_first() -> None:
    cache = EmbeddingCache(3 * (4 * 10 + 300))
    for key in "abc":
        cache.put(key, torch.zeros(10))
    cache.get("a")
    cache.put("d", torch.zeros(10))

    assert [key in cache for key in "abcd"] == [True, False, True, True]


def test_a_part_of_a_large_tensor_does_not_keep_the_rest() -> None:
    cache = EmbeddingCache(10_000)
    cache.put("a", torch.zeros(1_000_000)[:10])
    held = cache.get("a")

    assert held is not None
    assert held.untyped_storage().nbytes() == 40


@dataclass
class Weights:
    bytes: int


async def test_a_model_is_loaded_once_for_all_who_want_it_at_once() -> None:
    loads, store = 0, ModelStore[Weights](100)

    def load() -> Weights:
        nonlocal loads
        loads += 1
        return Weights(10)

    async def use() -> Weights:
        async with store.use("a", load) as model:
            return model

    models = await asyncio.gather(*(use() for _ in range(20)))

    assert loads == 1
    assert len({id(model) for model in models}) == 1


async def test_the_least_recently_used_model_makes_room() -> None:
    gone: list[str] = []
    store = ModelStore[Weights](100, gone.append)
    for name in ("a", "b", "a", "c"):
        async with store.use(name, lambda: Weights(40)):
            pass

    assert gone == ["b"]
    assert store.loaded == ["a", "c"]


async def test_a_model_in_use_stays_and_the_next_is_refused_until_it_is_free() -> None:
    store = ModelStore[Weights](100)
    async with store.use("a", lambda: Weights(60)):
        with pytest.raises(ResourceExhausted) as refused:
            async with store.use("b", lambda: Weights(60)):
                pass
        assert store.loaded == ["a"]
    async with store.use("b", lambda: Weights(60)):
        assert store.loaded == ["b"]

    assert refused.value.retry_after


async def test_a_model_larger_than_the_budget_is_refused_and_the_others_stay() -> None:
    store = ModelStore[Weights](100)
    async with store.use("a", lambda: Weights(60)):
        pass
    with pytest.raises(FailedPrecondition, match="set aside"):
        async with store.use("b", lambda: Weights(101)):
            pass

    assert store.loaded == ["a"]


async def test_a_load_that_fails_is_tried_again() -> None:
    store, tries = ModelStore[Weights](100), 0

    def load() -> Weights:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise OSError("not yet")
        return Weights(1)

    with pytest.raises(OSError, match="not yet"):
        async with store.use("a", load):
            pass
    async with store.use("a", load) as model:
        assert model.bytes == 1


async def test_a_caller_who_gives_up_while_it_loads_leaves_no_trace() -> None:
    store, go = ModelStore[Weights](100), threading.Event()

    def load() -> Weights:
        assert go.wait(10)
        return Weights(60)

    async def use() -> None:
        async with store.use("a", load):
            pass

    waiting = asyncio.create_task(use())
    await asyncio.sleep(0.01)
    waiting.cancel()
    go.set()
    await asyncio.wait([waiting])
    async with store.use("b", lambda: Weights(60)):
        pass
    async with store.use("a", load) as model:
        assert model.bytes == 60
