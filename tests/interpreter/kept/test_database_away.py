"""A database that is away in the middle of executions."""

from __future__ import annotations

import asyncio

import pytest

from autoflow.client import errors
from autoflow.errors import Unavailable
from autoflow.testing import GatedModel
from autoflow.v1 import interpreter_service_pb2 as pb
from autoflow_interpreter.executions.model import ExecutionState, StoredEvent
from autoflow_interpreter.executions.store import ExecutionStore
from tests.databases import PostgresServer
from tests.interpreter.kept.houses import hanging, house
from tests.interpreter.kept.servers import (
    TWO_STEPS,
    Request,
    begun,
    events_of,
    rob,
    server,
    until,
)


def gated() -> GatedModel:
    return GatedModel(lambda messages: "a plan")


class Away:
    """A database of a PostgreSQL server that can be cut off from everybody."""

    def __init__(self, postgres: PostgresServer) -> None:
        self._postgres = postgres
        self.url = postgres.new_database()
        self._name = self.url.partition("?")[0].rpartition("/")[2]

    def cut(self) -> None:
        """Lets nobody in, and throws everybody out."""
        self._postgres.execute(f'ALTER DATABASE "{self._name}" ALLOW_CONNECTIONS false')
        self._postgres.execute(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self._name}'"
        )

    def back(self) -> None:
        """Lets everybody in again."""
        self._postgres.execute(f'ALTER DATABASE "{self._name}" ALLOW_CONNECTIONS true')


@pytest.fixture
def database(postgres: PostgresServer) -> Away:
    return Away(postgres)


async def test_an_execution_goes_on_when_the_database_is_back(database: Away, request_for: Request) -> None:
    model = gated()
    async with server(database.url, model) as one:
        call = one.execute(request_for(TWO_STEPS, model="gated"))
        name = await begun(call)
        await model.until(calls=1)
        database.cut()
        model.let_through(0)
        with pytest.raises(errors.Unavailable):
            await one.get(name)
        # Nothing is called before what came before it is stored.
        assert len(model.calls) == 1
        database.back()
        await model.until(calls=2)
        model.let_through(1)
        rest = await events_of(call)
        kept = await one.get(name)
        everything = await events_of(one.watch(name))

    assert kept.finished.outcome == pb.EXECUTION_OUTCOME_ANSWERED
    assert everything[1:] == rest
    assert model.cancelled == 0


class Blind(ExecutionStore):
    """Cannot be read at first."""

    looks = 0

    async def events(self, execution_id: str, start: int, limit: int) -> list[StoredEvent]:
        self.looks += 1
        if self.looks == 1:
            raise Unavailable("the database cannot be reached")
        return await super().events(execution_id, start, limit)


async def test_what_is_taken_over_and_cannot_be_read_is_left_for_later(url: str) -> None:
    async with house(url, kind=Blind) as here:
        execution = await here.begin(hanging())

        async def is_recorded() -> bool:
            return (await here.store.get(execution.id)).events == 1

        await until(is_recorded)

        async def is_let_go() -> bool:
            found = await here.store.get(execution.id)
            return found.resumptions == 2 and here.runner.get(execution.id) is None

        # The thief is the first who resumes it.
        await rob(url)
        await until(is_let_go)
        kept = await here.store.get(execution.id)
        assert kept.state is ExecutionState.RUNNING
        await here.store.release([(kept.id, kept.token)])
        kept = await here.until_in(execution, ExecutionState.FINISHED)

    assert kept.resumptions == 3


async def test_one_that_cannot_be_read_when_it_is_taken_over_does_not_fail(
    database: Away, request_for: Request
) -> None:
    lost, model = gated(), gated()
    async with server(database.url, lost) as one:
        name = await begun(one.execute(request_for(TWO_STEPS, model="gated")))
        await lost.until(calls=1)
    async with server(database.url, model) as one:
        for _ in range(4):
            database.cut()
            await asyncio.sleep(0.05)
            database.back()
            await asyncio.sleep(0.1)
        model.let_through(0)
        model.let_through(1)
        for call in range(2, 9):
            model.let_through(call)
        await one.until_in(name, pb.EXECUTION_STATE_FINISHED)
