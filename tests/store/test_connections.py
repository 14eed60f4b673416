"""Pieces of work in transactions, many at once in one process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from autoflow.errors import Unavailable
from autoflow.store.connections import Connections
from autoflow.store.engine import create_engine


@pytest.fixture
async def connections(tmp_path: Path) -> AsyncIterator[Connections]:
    # Nobody waits for SQLite's own lock: whoever finds it taken fails.
    engine = create_engine(f"sqlite+aiosqlite:///{tmp_path / 'one.db'}", busy_timeout=0)
    made = Connections(engine, patience=20)
    await made.write(lambda connection: connection.execute(text("CREATE TABLE numbers (number INTEGER)")))
    yield made
    await made.close()
    await engine.dispose()


def count(connection: Connection) -> int:
    return int(connection.scalar(text("SELECT count(*) FROM numbers")) or 0)


def add(connection: Connection) -> None:
    connection.execute(text("INSERT INTO numbers VALUES (:number)"), {"number": count(connection)})


async def test_writers_of_one_process_queue(connections: Connections) -> None:
    await asyncio.gather(*(connections.write(add) for _ in range(40)))
    rows = await connections.read(
        lambda connection: connection.execute(text("SELECT number FROM numbers ORDER BY number")).all()
    )
    assert [row.number for row in rows] == list(range(40))


async def test_what_fails_is_undone(connections: Connections) -> None:
    def fail(connection: Connection) -> None:
        add(connection)
        raise KeyError("a fault")

    with pytest.raises(KeyError):
        await connections.write(fail)
    assert await connections.read(count) == 0


async def test_a_turn_that_does_not_come_is_unavailable_and_nothing_is_done(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite+aiosqlite:///{tmp_path / 'one.db'}")
    connections = Connections(engine, patience=0.2)
    await connections.write(
        lambda connection: connection.execute(text("CREATE TABLE numbers (number INTEGER)"))
    )
    go_on, begun = threading.Event(), threading.Event()

    def block(connection: Connection) -> None:
        begun.set()
        go_on.wait(20)

    blocking = asyncio.create_task(connections.write(block))
    await asyncio.to_thread(begun.wait, 20)
    with pytest.raises(Unavailable):
        await connections.write(add)
    go_on.set()
    with pytest.raises(Unavailable):
        await blocking
    assert await connections.read(count) == 0
    await connections.write(add)
    assert await connections.read(count) == 1
    await connections.close()
    await engine.dispose()


async def test_what_has_begun_is_done_though_its_caller_is_cancelled(connections: Connections) -> None:
    go_on, begun = threading.Event(), threading.Event()

    def slowly(connection: Connection) -> None:
        begun.set()
        go_on.wait(20)
        add(connection)

    task = asyncio.create_task(connections.write(slowly))
    await asyncio.to_thread(begun.wait, 20)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go_on.set()
    await connections.write(add)
    assert await connections.read(count) == 2
