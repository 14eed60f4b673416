"""Adapters are on every replica before the first sample, whatever becomes of the replicas."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from autoflow.llm import ModelUnavailable, Sampling
from autoflow.testing.vllm import BASE
from tests.llm.openai.bench import PROMPT
from tests.llm.openai.lora_world import ADAPTER, NAME, World, loads, said


async def test_every_replica_has_the_adapter_before_the_first_sample(world: World) -> None:
    fleet = await world.fleet(3)
    model = world.model(fleet)
    assert [await said(model) for _ in range(3)] == [f"{number}:{NAME}" for number in range(3)]
    assert loads(fleet) == [[NAME]] * 3
    assert {*fleet.replicas[0].loaded.values()} == {str(world.folder(ADAPTER))}


async def test_the_models_own_weights_need_nothing_of_the_replicas(world: World) -> None:
    fleet = await world.fleet(2)
    assert await said(world.model(fleet), None) == f"0:{BASE}"
    assert loads(fleet) == [[], []]


async def test_an_endpoint_may_be_the_one_server(world: World) -> None:
    fleet = await world.fleet(1)
    model = world.model(fleet, base_url=fleet.urls[0], replicas=())
    assert await said(model) == f"0:{NAME}"
    assert loads(fleet) == [[NAME]]


async def test_several_samples_and_choices_are_the_adapters_too(world: World) -> None:
    fleet = await world.fleet(1)
    model = world.model(fleet)
    drawn = await model.complete_n(PROMPT, Sampling(temperature=1.0), 3, adapter=ADAPTER)
    assert [completion.text for completion in drawn] == [f"0:{NAME}"] * 3
    with pytest.raises(ModelUnavailable, match="picks none of the options"):
        await model.choose(PROMPT, ["yes", "no"], adapter=ADAPTER)
    assert fleet.calls[-1].body["model"] == NAME


async def test_concurrent_calls_load_once(world: World) -> None:
    fleet = await world.fleet(2)
    model = world.model(fleet)
    texts = await asyncio.gather(*(said(model) for _ in range(20)))
    assert Counter(texts) == {f"0:{NAME}": 10, f"1:{NAME}": 10}
    assert loads(fleet) == [[NAME]] * 2


async def test_what_is_loaded_already_is_not_loaded_again(world: World) -> None:
    fleet = await world.fleet(1)
    assert await said(world.model(fleet)) == await said(world.model(fleet))
    assert loads(fleet) == [[NAME]]


async def test_who_comes_second_to_a_replica_finds_it_loaded(world: World) -> None:
    fleet = await world.fleet(1)
    both = asyncio.Barrier(2)

    async def together() -> None:
        await both.wait()

    fleet.replicas[0].gate = together
    first, second = world.model(fleet), world.model(fleet)
    assert [*await asyncio.gather(said(first), said(second))] == [f"0:{NAME}"] * 2
    assert loads(fleet) == [[NAME, NAME]]


async def test_a_replica_that_was_restarted_gets_it_again(world: World) -> None:
    fleet = await world.fleet(2)
    model = world.model(fleet)
    await said(model)
    await fleet.restart(1)
    texts = await asyncio.gather(*(said(model) for _ in range(10)))
    assert {text.partition(":")[2] for text in texts} == {NAME}
    assert loads(fleet) == [[NAME], [NAME, NAME]]


async def test_a_replica_that_is_added_gets_it_before_it_is_called(world: World) -> None:
    fleet = await world.fleet(1)
    model = world.model(fleet, replicas=(), resolve=fleet.headless_url)
    await said(model)
    await fleet.add()
    assert {await said(model), await said(model)} == {f"0:{NAME}", f"1:{NAME}"}
    assert loads(fleet) == [[NAME], [NAME]]
    assert fleet.replicas[1].headers["host"] == fleet.headless_url.split("/")[2]
    # None of the calls found it missing.
    assert all(call.answer is not None for call in fleet.calls)


async def test_replicas_that_cannot_be_looked_up_are_the_last_known_ones(world: World) -> None:
    fleet = await world.fleet(1)
    model = world.model(fleet, replicas=(), resolve=fleet.headless_url)
    await said(model)
    fleet.resolves = False
    assert await said(model) == f"0:{NAME}"
    with pytest.raises(ModelUnavailable, match="cannot be looked up"):
        await said(world.model(fleet, replicas=(), resolve=fleet.headless_url))


async def test_a_replica_that_is_down_holds_nobody_back(world: World) -> None:
    fleet = await world.fleet(2)
    await fleet.stop(1)
    model = world.model(fleet)
    assert [await said(model), await said(model)] == [f"0:{NAME}"] * 2
    # Once it is back it is found, by who looks or by who is sent there.
    await fleet.restart(1)
    texts = [await said(model) for _ in range(4)]
    assert set(texts) == {f"0:{NAME}", f"1:{NAME}"}
    assert loads(fleet) == [[NAME], [NAME]]
