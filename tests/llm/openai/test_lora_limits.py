"""What cannot be loaded is told in its kind and in time, what nobody uses is unloaded, no secret is told."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from autoflow.llm import LanguageModelError, ModelRejected, ModelUnavailable, UnknownAdapter, Unsupported
from autoflow.llm.openai import Endpoint, OpenAIModel
from autoflow.testing.vllm import BASE
from tests.llm.openai.bench import KEY
from tests.llm.openai.lora_world import ADAPTER, CAN, NAME, OTHER, THIRD, World, loads, said

PATIENCE = 30.0


async def test_with_every_replica_down_the_model_is_unavailable(world: World) -> None:
    fleet = await world.fleet(2)
    await fleet.stop(0)
    await fleet.stop(1)
    with pytest.raises(
        ModelUnavailable, match=f"no replica has the adapter {NAME}: .* failed 3 times"
    ) as caught:
        await said(world.model(fleet))
    assert "127.0.0" not in str(caught.value)


async def test_a_replica_that_starts_slowly_is_asked_again(world: World) -> None:
    fleet = await world.fleet(1)
    fleet.replicas[0].failures = 2
    assert await said(world.model(fleet)) == f"0:{NAME}"


async def test_a_replica_that_the_catalogue_does_not_name_is_told(world: World) -> None:
    fleet = await world.fleet(2)
    model = world.model(fleet, base_url=fleet.urls[1], replicas=fleet.urls[:1])
    with pytest.raises(ModelUnavailable, match="is one missing from those that the catalogue names"):
        await said(model)


@pytest.mark.parametrize(
    ("adapter", "error", "says"),
    [
        (f"sha256:{'d' * 64}", UnknownAdapter, "the store has no"),
        (OTHER, UnknownAdapter, "cannot load the adapter adapter-bbbbbbbbbbbb"),
    ],
)
async def test_what_cannot_be_loaded_is_unknown(
    world: World, adapter: str, error: type[LanguageModelError], says: str
) -> None:
    world.write(OTHER, rank=128)
    fleet = await world.fleet(2)
    model = world.model(fleet)
    with pytest.raises(error, match=says):
        await said(model, adapter)
    assert not fleet.calls
    assert await said(model) == f"0:{NAME}"


async def test_the_servers_may_see_the_folder_elsewhere(world: World, tmp_path: Path) -> None:
    fleet = await world.fleet(1)
    (tmp_path / "mounted").symlink_to(tmp_path)
    await said(world.model(fleet, folder=f"{tmp_path}/mounted/{{digest}}"))
    assert fleet.replicas[0].loaded == {NAME: f"{tmp_path}/mounted/{'a' * 64}"}
    with pytest.raises(UnknownAdapter, match="does not find the adapter's folder"):
        await said(world.model(fleet, folder="/elsewhere/{digest}"), OTHER)


async def test_one_replica_that_refuses_fails_the_call(world: World) -> None:
    fleet = await world.fleet(2)
    fleet.replicas[1].max_rank = 4
    with pytest.raises(UnknownAdapter):
        await said(world.model(fleet))
    assert not fleet.calls


async def test_the_least_recently_used_adapters_are_unloaded(world: World) -> None:
    fleet = await world.fleet(2)
    model = world.model(fleet, keep=2)
    for adapter in (ADAPTER, OTHER, ADAPTER, THIRD):
        await said(model, adapter)
    for replica in fleet.replicas:
        await replica.until(lambda replica: bool(replica.asked.unloads))
    kept = {NAME, "adapter-cccccccccccc"}
    assert [set(replica.loaded) for replica in fleet.replicas] == [kept, kept]
    assert (await said(model, OTHER)).endswith("adapter-bbbbbbbbbbbb")


async def test_what_could_not_be_loaded_takes_no_room(world: World) -> None:
    world.write(OTHER, rank=128)
    fleet = await world.fleet(1)
    model = world.model(fleet, keep=1)
    await said(model)
    with pytest.raises(UnknownAdapter):
        await said(model, OTHER)
    assert await said(model) == f"0:{NAME}"
    assert fleet.replicas[0].asked.unloads == []
    assert loads(fleet)[0].count(NAME) == 1


async def test_an_adapter_in_use_is_not_unloaded(world: World) -> None:
    fleet = await world.fleet(1)
    model = world.model(fleet, keep=1)
    texts = await asyncio.gather(*(said(model, each) for each in (ADAPTER, OTHER, THIRD) * 4))
    assert [text[:11] for text in texts] == ["0:adapter-a", "0:adapter-b", "0:adapter-c"] * 4
    await fleet.replicas[0].until(lambda replica: len(replica.loaded) == 1)
    assert fleet.replicas[0].asked.loads.count(NAME) == 1


async def test_who_leaves_does_not_stop_the_loading_for_the_others(world: World) -> None:
    fleet = await world.fleet(1)
    model = world.model(fleet)
    opened = asyncio.Event()

    async def wait() -> None:
        await opened.wait()

    fleet.replicas[0].gate = wait
    leaving, staying = (asyncio.create_task(said(model)) for _ in range(2))
    await fleet.replicas[0].until(lambda replica: bool(replica.asked.loads))
    leaving.cancel()
    await asyncio.wait([leaving], timeout=PATIENCE)
    assert leaving.cancelled()
    opened.set()
    assert await staying == f"0:{NAME}"
    assert loads(fleet) == [[NAME]]


async def test_closing_ends_what_waits_for_an_adapter(world: World) -> None:
    fleet = await world.fleet(1)
    model = world.model(fleet)
    fleet.replicas[0].gate = asyncio.Event().wait  # type: ignore[assignment]
    waiting = asyncio.create_task(said(model))
    await fleet.replicas[0].until(lambda replica: bool(replica.asked.loads))
    await model.close()
    with pytest.raises(ModelUnavailable, match="was closed"):
        await waiting


async def test_loading_ends_in_time(world: World) -> None:
    fleet = await world.fleet(1)
    fleet.replicas[0].gate = asyncio.Event().wait  # type: ignore[assignment]
    with pytest.raises(ModelUnavailable, match=r"took more than 0\.05 seconds"):
        await said(world.model(fleet, load_timeout=0.05))


async def test_replicas_are_shown_the_key_and_nobody_else_is(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "autoflow")
    fleet = await world.fleet(1, KEY)
    assert await said(world.model(fleet, KEY)) == f"0:{NAME}"
    with pytest.raises(ModelRejected, match="refused an adapter: status 401") as caught:
        await said(world.model(fleet, "sk-wrong"), OTHER)
    words = str(caught.value) + caplog.text
    assert not any(secret in words for secret in (KEY, "sk-wrong", fleet.urls[0], str(world.folder(OTHER))))


async def test_what_an_endpoint_refuses_of_an_adapters_call_is_refused(world: World) -> None:
    fleet = await world.fleet(1, KEY)
    model = world.model(fleet, KEY)
    await said(model)
    fleet.replicas[0].refuses = 400
    with pytest.raises(ModelRejected, match="the endpoint refused the call: status 400"):
        await said(model)
    assert len(fleet.calls) == 2


async def test_a_model_that_states_no_adapters_takes_none(world: World) -> None:
    fleet = await world.fleet(1)
    model = OpenAIModel(Endpoint(name="remote", model=BASE, base_url=fleet.base_url))
    with pytest.raises(Unsupported, match="takes no adapters"):
        await said(model)
    with pytest.raises(ValueError, match="needs to be told how they are served"):
        Endpoint(name="remote", model=BASE, base_url=fleet.base_url, capabilities=CAN)


async def test_whether_adapters_would_be_loaded_can_be_asked(world: World) -> None:
    fleet = await world.fleet(2)
    model = world.model(fleet)
    assert await model.check_adapters() == 2
    fleet.replicas[1].allows_updates = False
    with pytest.raises(ModelRejected, match="VLLM_ALLOW_RUNTIME_LORA_UPDATING"):
        await model.check_adapters()
    assert loads(fleet) == [[], []]
