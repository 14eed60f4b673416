"""Transactions that write, many at once in one process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from autoflow.errors import Unavailable
from autoflow.store.connections import Connections
from autoflow.store.engine import create_engine


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    # Nobody waits for SQLite's own lock: whoever finds it taken fails.
    made = create_engine(f"sqlite+aiosqlite:///{tmp_path / 'one.db'}", busy_timeout=0)
    async with made.begin() as connection:
        await connection.execute(text("CREATE TABLE numbers (number INTEGER)"))
    yield made
    await made.dispose()


async def test_writers_of_one_process_queue(engine: AsyncEngine) -> None:
    connections = Connections(engine)

    async def write() -> None:
        async with connections.writing() as connection:
            known = await connection.scalar(text("SELECT count(*) FROM numbers"))
            await connection.execute(text("INSERT INTO numbers VALUES (:number)"), {"number": known})

    await asyncio.gather(*(write() for _ in range(40)))
    async with connections.reading() as connection:
        numbers = list(await connection.scalars(text("SELECT number FROM numbers ORDER BY number")))
    assert numbers == list(range(40))


async def test_a_turn_that_does_not_come_is_unavailable(engine: AsyncEngine) -> None:
    connections = Connections(engine, busy_timeout=0.01)
    async with connections.writing():
        with pytest.raises(Unavailable):
            async with connections.writing():
                pass
    async with connections.writing() as connection:
        await connection.execute(text("INSERT INTO numbers VALUES (1)"))


async def test_who_fails_or_is_cancelled_gives_its_turn_on(engine: AsyncEngine) -> None:
    connections = Connections(engine)

    async def write_for_ever(begun: asyncio.Event) -> None:
        async with connections.writing() as connection:
            await connection.execute(text("INSERT INTO numbers VALUES (1)"))
            begun.set()
            await asyncio.Event().wait()

    begun = asyncio.Event()
    task = asyncio.create_task(write_for_ever(begun))
    await begun.wait()
    task.cancel()
    async with asyncio.timeout(20), connections.writing() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM numbers")) == 0
