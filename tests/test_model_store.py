"""Models within a budget: which stay, which go, and who waits for a load."""

from __future__ import annotations

import asyncio
import gc
import threading
from dataclasses import dataclass
from typing import Any

import pytest

from autoflow.errors import FailedPrecondition, ResourceExhausted
from autoflow.model_store import ModelStore


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


async def test_a_load_goes_on_when_whoever_wanted_it_gives_up() -> None:
    store, go, loads = ModelStore[Weights](100), threading.Event(), 0

    def load() -> Weights:
        nonlocal loads
        loads += 1
        assert go.wait(10)
        return Weights(60)

    async def use() -> int:
        async with store.use("a", load) as model:
            return model.bytes

    given_up = asyncio.create_task(use())
    await asyncio.sleep(0.01)
    given_up.cancel()
    await asyncio.wait([given_up])
    patient = asyncio.create_task(use())
    await asyncio.sleep(0.01)
    go.set()
    assert await patient == 60
    assert (given_up.cancelled(), loads) == (True, 1)

    async with store.use("b", lambda: Weights(60)):
        assert store.loaded == ["b"]


async def test_all_who_wait_for_a_load_that_fails_are_told() -> None:
    store, loads = ModelStore[Weights](100), 0

    def load() -> Weights:
        nonlocal loads
        loads += 1
        raise OSError("not there")

    async def use() -> None:
        async with store.use("a", load):
            pass

    told = await asyncio.gather(use(), use(), return_exceptions=True)

    assert [str(error) for error in told] == ["not there", "not there"]
    assert loads == 1


async def test_a_load_that_fails_when_nobody_waits_any_more_is_no_complaint() -> None:
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    begun, go = threading.Event(), threading.Event()
    store = ModelStore[Weights](100)

    def load() -> Weights:
        begun.set()
        assert go.wait(30)
        raise OSError("no such model")

    async def want() -> None:
        async with store.use("a", load):
            raise AssertionError("it was loaded")

    wanting = asyncio.create_task(want())
    assert await asyncio.to_thread(begun.wait, 30)
    wanting.cancel()
    await asyncio.wait([wanting])
    go.set()
    # Its thread ends, and then the load does.
    await asyncio.get_running_loop().shutdown_default_executor()
    for _ in range(5):
        await asyncio.sleep(0)
    gc.collect()

    assert complaints == []
