"""Waiting for a run, over streams that break and servers that start anew."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from autoflow.client import Client, ClientSettings, RetrySettings
from autoflow.client import errors as client_errors
from autoflow.client.worker import RunWorkerClient
from autoflow.server import Listener, ServerSettings
from autoflow.testing import CoroutineLauncher, serving
from autoflow.v1 import run_pb2
from autoflow_trainer import build
from tests.trainer.harness import DEADLINE, Workers, trainer
from tests.trainer.hold import Hold

_HASTY = ClientSettings(retry=RetrySettings(attempts=2, initial_backoff=0.01, max_backoff=0.05))


async def test_it_ends_with_the_final_run_and_tells_every_iteration_once(tmp_path: Path) -> None:
    workers = Workers()
    seen: list[int] = []
    async with trainer(tmp_path, CoroutineLauncher(workers.work)) as service:
        created = await service.create()
        _, token, _ = await workers.next()
        waiting = asyncio.create_task(
            service.client.trainer.wait_for_run(
                created.name,
                timeout=DEADLINE,
                on_change=lambda run: seen.extend(iteration.index for iteration in run.iterations),
            )
        )
        async with service.worker(token) as client:
            hold = Hold(client, created.name)
            await hold.lease()
            await hold.commit(0)
            await hold.commit(1)
            await hold.succeed()
        run = await waiting

    assert run.state == run_pb2.RUN_STATE_SUCCEEDED
    assert [iteration.index for iteration in run.iterations] == [0, 1]
    assert seen == [0, 1]


async def test_a_trainer_that_starts_anew_is_waited_for(tmp_path: Path) -> None:
    workers, seen = Workers(), asyncio.Event()
    told: list[int] = []

    def on_change(run: run_pb2.Run) -> None:
        told.extend(iteration.index for iteration in run.iterations)
        seen.set()

    async with trainer(tmp_path, CoroutineLauncher(workers.work)) as service:
        created = await service.create()
        _, token, _ = await workers.next()
        async with service.worker(token) as client:
            hold = Hold(client, created.name)
            await hold.lease()
            await hold.commit(0)
        caller = Client(trainer=service.address, settings=_HASTY)
        waiting = asyncio.create_task(
            caller.trainer.wait_for_run(created.name, timeout=DEADLINE, on_change=on_change)
        )
        async with asyncio.timeout(DEADLINE):
            await seen.wait()
    assert not waiting.done()
    async with caller, _again(service.address, tmp_path, CoroutineLauncher(workers.work)):
        async with asyncio.timeout(DEADLINE):
            run_name, token, _ = await workers.next()
        assert run_name == created.name
        async with RunWorkerClient(service.address, token) as client:
            hold = Hold(client, created.name)
            await hold.lease()
            await hold.commit(1)
            await hold.succeed()
        run = await waiting

    assert run.state == run_pb2.RUN_STATE_SUCCEEDED
    assert told == [0, 1], "an iteration was told twice, or not at all"


async def test_a_run_that_goes_on_is_not_waited_for_any_longer(tmp_path: Path) -> None:
    async with trainer(tmp_path, CoroutineLauncher(Workers().work)) as service:
        created = await service.create()
        with pytest.raises(client_errors.DeadlineExceeded, match=f"{created.name} is not final after 0.2 s"):
            await service.client.trainer.wait_for_run(created.name, timeout=0.2)
        assert (await service.get(created.name)).state == run_pb2.RUN_STATE_PENDING


async def test_a_run_that_is_not_there_is_not_waited_for(tmp_path: Path) -> None:
    async with trainer(tmp_path, CoroutineLauncher()) as service:
        with pytest.raises(client_errors.NotFound):
            await service.client.trainer.wait_for_run("runs/none", timeout=DEADLINE)


async def test_a_trainer_that_stays_away_is_not_waited_for_for_ever() -> None:
    listener = Listener(ServerSettings(address="127.0.0.1:0"))
    await listener.close()
    async with Client(trainer=listener.address, settings=_HASTY) as client:
        with pytest.raises(client_errors.DeadlineExceeded) as caught:
            await client.trainer.wait_for_run("runs/a", timeout=0.2)
    assert isinstance(caught.value.__cause__, client_errors.RpcError)


@asynccontextmanager
async def _again(address: str, folder: Path, launcher: CoroutineLauncher) -> AsyncIterator[None]:
    """The trainer that was there before, on its old port."""
    elsewhere = ("GENERATOR", "INTERPRETER", "SCORER")
    env = {
        "AUTOFLOW_ARTIFACTS": str(folder / "artifacts"),
        "AUTOFLOW_TRAINER_DATA": str(folder / "trainer"),
        "AUTOFLOW_TRAINER_ADDRESS": address,
        "AUTOFLOW_RELAUNCH_DELAY": "0.02",
        **{f"AUTOFLOW_{name}_ADDRESS": "127.0.0.1:1" for name in elsewhere},
    }
    async with serving(build(env, launcher), ServerSettings(address=address)):
        yield
