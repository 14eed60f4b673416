"""Answers that are lost on their way: the client repeats its call, and nothing is done twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from autoflow.client import Client
from autoflow.client.registry import RegistryClient
from autoflow.errors import Unavailable
from autoflow.server import Endpoint, Service
from autoflow.store.engine import create_engine
from autoflow.testing import serving
from autoflow.v1.registry_service_pb2_grpc import add_RegistryServiceServicer_to_server
from autoflow_generator.registry.model import AliasChange, Move, NewVersion, Version
from autoflow_generator.registry.registry import WorkflowRegistry
from autoflow_generator.registry.servicer import RegistryServicer
from autoflow_generator.registry.store import RegistryStore
from tests.generator.registry.requests import create, get, history, promote, roll_back, text
from tests.generator.registry.servers import QUICK


class Forgetful(WorkflowRegistry):
    """Does what it is asked for, and loses every other answer."""

    lost = 0

    async def create(self, new: NewVersion) -> Version:
        version = await super().create(new)
        self._lose()
        return version

    async def move(self, move: Move) -> AliasChange:
        change = await super().move(move)
        self._lose()
        return change

    def _lose(self) -> None:
        self.lost += 1
        if self.lost % 2:
            raise Unavailable("the answer is lost")


@pytest.fixture
async def forgetful(tmp_path: Path) -> AsyncIterator[tuple[Forgetful, RegistryClient]]:
    store = RegistryStore(create_engine(f"sqlite+aiosqlite:///{tmp_path / 'generator.db'}"))
    await store.migrate()
    registry = Forgetful(store)
    register = partial(add_RegistryServiceServicer_to_server, RegistryServicer(registry))
    service = Service("registry", (Endpoint("autoflow.v1.RegistryService", register),), stop=store.close)
    async with serving(service) as address, Client(generator=address, settings=QUICK) as client:
        yield registry, client.registry


async def test_what_is_repeated_is_done_once(forgetful: tuple[Forgetful, RegistryClient]) -> None:
    server, registry = forgetful
    assert (await create(registry, "planner", text("one"))).name == "workflows/planner@1"
    assert (await create(registry, "planner", text("one"))).name == "workflows/planner@2"
    await promote(registry, "planner@1", 0)
    await promote(registry, "planner@2", 1)
    assert (await roll_back(registry, "planner@production", 2)).alias.version == 1
    assert server.lost == 10
    assert (await get(registry, "planner")).name == "workflows/planner@2"
    assert await history(registry, "planner") == [(0, 1), (1, 2), (2, 1)]
