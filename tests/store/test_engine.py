"""What every service's database can rely on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ArgumentError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from autoflow.store.engine import create_engine


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    made = create_engine(f"sqlite+aiosqlite:///{tmp_path / 'missing' / 'folder' / 'a.db'}")
    async with made.begin() as connection:
        await connection.execute(text("CREATE TABLE parent (id INTEGER PRIMARY KEY)"))
        await connection.execute(text("CREATE TABLE child (parent INTEGER REFERENCES parent (id))"))
    yield made
    await made.dispose()


async def test_foreign_keys_are_kept(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        with pytest.raises(IntegrityError):
            await connection.execute(text("INSERT INTO child VALUES (1)"))


async def test_a_reader_does_not_wait_for_a_writer(engine: AsyncEngine) -> None:
    async with engine.begin() as writer, engine.connect() as reader:
        await writer.execute(text("INSERT INTO parent VALUES (1)"))
        async with asyncio.timeout(5):
            assert await reader.scalar(text("SELECT count(*) FROM parent")) == 0


async def test_a_writer_waits_for_another_one(engine: AsyncEngine) -> None:
    async def write(number: int) -> None:
        async with engine.begin() as connection:
            await connection.execute(text("INSERT INTO parent VALUES (:number)"), {"number": number})
            await asyncio.sleep(0)

    await asyncio.gather(*(write(number) for number in range(20)))

    async with engine.connect() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM parent")) == 20


def test_a_url_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(ArgumentError):
        create_engine("nonsense")
