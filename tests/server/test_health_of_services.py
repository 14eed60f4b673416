"""The health of the real services follows their stores, their models and their end, by Check and by Watch."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from sqlalchemy import make_url

import autoflow_generator
import autoflow_interpreter
import autoflow_trainer
from autoflow.llm.catalogue import Catalogue, Entry
from autoflow.server import Listener, ServerSettings, Service
from autoflow.testing import CoroutineLauncher, ScriptedModel, catalogue_of
from tests.databases import PostgresServer

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SETTINGS = ServerSettings(address="127.0.0.1:0", health_interval=0.5)
"""Long enough for a database to answer on a busy machine."""
DEADLINE = 60.0
"""Seconds after which a test that hangs fails."""
TRAINER = ("", "autoflow.v1.TrainerService", "autoflow.v1.RunWorkerService")


@dataclass
class Watched:
    """The health of one server under several names: each a stream of its changes."""

    stub: health_pb2_grpc.HealthStub
    streams: Mapping[str, AsyncGenerator[int]] = field(default_factory=dict)

    async def becomes(self, status: int) -> None:
        """Waits until every name has changed to this, and asks whether it says the same when it is asked."""
        for name, stream in self.streams.items():
            while await anext(stream) != status:
                pass
            request = health_pb2.HealthCheckRequest(service=name)
            assert (await self.stub.Check(request, timeout=DEADLINE)).status == status, name


@asynccontextmanager
async def watching(address: str, names: tuple[str, ...]) -> AsyncIterator[Watched]:
    async with grpc.aio.insecure_channel(address) as channel:
        stub = health_pb2_grpc.HealthStub(channel)

        async def changes(name: str) -> AsyncGenerator[int]:
            request = health_pb2.HealthCheckRequest(service=name)
            async for response in stub.Watch(request, timeout=DEADLINE):
                yield response.status

        watched = Watched(stub, {name: changes(name) for name in names})
        try:
            yield watched
        finally:
            for stream in watched.streams.values():
                await stream.aclose()


def trainer(folder: Path, database: str = "") -> Service:
    async def work(_run: str, _token: str) -> None:
        pass

    env = {
        "AUTOFLOW_ARTIFACTS": str(folder / "artifacts"),
        "AUTOFLOW_TRAINER_DATA": str(folder),
        "AUTOFLOW_DATABASE_URL": database,
        "AUTOFLOW_RUN_POLL_INTERVAL": "0.05",
        **{
            f"AUTOFLOW_{name}_ADDRESS": "127.0.0.1:1"
            for name in ("TRAINER", "GENERATOR", "INTERPRETER", "SCORER")
        },
    }
    return autoflow_trainer.build(env, CoroutineLauncher(work))


async def test_the_trainer_is_not_well_while_its_sqlite_file_is_away(tmp_path: Path) -> None:
    file, aside = tmp_path / "trainer.db", tmp_path / "aside.db"
    async with (
        await Listener(SETTINGS).serve(trainer(tmp_path)) as server,
        watching(server.address, TRAINER) as health,
    ):
        await health.becomes(SERVING)
        file.rename(aside)
        await health.becomes(NOT_SERVING)
        aside.rename(file)
        await health.becomes(SERVING)


async def test_the_trainer_is_not_well_while_another_file_stands_for_its_own(tmp_path: Path) -> None:
    file, aside = tmp_path / "trainer.db", tmp_path / "aside.db"
    async with (
        await Listener(SETTINGS).serve(trainer(tmp_path)) as server,
        watching(server.address, TRAINER) as health,
    ):
        await health.becomes(SERVING)
        shutil.copy(file, tmp_path / "copy.db")
        file.rename(aside)
        (tmp_path / "copy.db").rename(file)
        await health.becomes(NOT_SERVING)


async def test_the_trainer_is_not_well_while_postgresql_is_away(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    url = postgres.new_database()
    name = make_url(url).database
    async with (
        await Listener(SETTINGS).serve(trainer(tmp_path, url)) as server,
        watching(server.address, TRAINER) as health,
    ):
        await health.becomes(SERVING)
        # As if it were stopped, for this database alone.
        postgres.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        postgres.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        await health.becomes(NOT_SERVING)
        postgres.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        await health.becomes(SERVING)


async def test_the_trainer_is_not_well_while_it_drains(tmp_path: Path) -> None:
    async with (
        await Listener(SETTINGS).serve(trainer(tmp_path)) as server,
        watching(server.address, TRAINER) as health,
        asyncio.TaskGroup() as group,
    ):
        await health.becomes(SERVING)
        # The streams are calls in flight, for which the drain waits.
        group.create_task(server.stop(grace=DEADLINE))
        for stream in health.streams.values():
            assert await anext(stream) == NOT_SERVING
            await stream.aclose()


Build = Callable[[Mapping[str, str], Catalogue], Service]
WITH_MODELS = [
    pytest.param(autoflow_generator.build, "autoflow.v1.GeneratorService", id="generator"),
    pytest.param(autoflow_interpreter.build, "autoflow.v1.InterpreterService", id="interpreter"),
]


async def test_the_generator_is_not_well_while_its_sqlite_file_is_away(tmp_path: Path) -> None:
    file, aside = tmp_path / "generator.db", tmp_path / "aside.db"
    generator = autoflow_generator.build({"AUTOFLOW_GENERATOR_DATA": str(tmp_path)}, catalogue_of())
    names = "", "autoflow.v1.GeneratorService", "autoflow.v1.RegistryService"
    async with await Listener(SETTINGS).serve(generator) as server, watching(server.address, names) as health:
        await health.becomes(SERVING)
        file.rename(aside)
        await health.becomes(NOT_SERVING)
        aside.rename(file)
        await health.becomes(SERVING)


class Loading:
    """A catalogue of one model, whose loads wait for the test."""

    def __init__(self) -> None:
        self.made: list[ScriptedModel] = []
        self.allowed = asyncio.Semaphore(0)
        (described,) = catalogue_of(ScriptedModel(lambda _: "")).descriptions
        self.catalogue = Catalogue([Entry(described, self._load)], preload=[described.name])

    async def _load(self) -> ScriptedModel:
        await self.allowed.acquire()
        self.made.append(ScriptedModel(lambda _: "words"))
        return self.made[-1]


@pytest.mark.parametrize(("build", "name"), WITH_MODELS)
async def test_a_service_is_well_while_its_model_is_there(build: Build, name: str) -> None:
    loading = Loading()
    listener = Listener(SETTINGS)
    async with asyncio.TaskGroup() as group, watching(listener.address, ("", name)) as health:
        starting = group.create_task(listener.serve(build({}, loading.catalogue)))
        await health.becomes(NOT_SERVING)
        loading.allowed.release()
        async with await starting:
            await health.becomes(SERVING)
            await loading.made[0].close()
            await health.becomes(NOT_SERVING)
            loading.allowed.release()
            await health.becomes(SERVING)

    assert len(loading.made) == 2
