"""What every service's database can rely on."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from autoflow.errors import DataLoss
from autoflow.settings import SettingsError
from autoflow.store.engine import create_engine
from autoflow.store.migrations import current
from autoflow.store.sessions import Sessions


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


async def test_a_writer_that_is_cancelled_keeps_no_lock(engine: AsyncEngine) -> None:
    begun = asyncio.Event()
    event.listen(engine.sync_engine, "before_cursor_execute", lambda *_: begun.set())

    async def write() -> None:
        async with engine.begin() as connection:
            await connection.execute(text("INSERT INTO parent VALUES (1) RETURNING id"))

    with closing(sqlite3.connect(engine.url.database or "", timeout=0)) as other:
        other.execute("BEGIN IMMEDIATE")
        writer = asyncio.create_task(write())
        await begun.wait()
        writer.cancel()
        other.rollback()
        # Whoever keeps the error keeps the frames that it passed, and what they hold.
        (error,) = await asyncio.gather(writer, return_exceptions=True)
        assert isinstance(error, asyncio.CancelledError)
        other.execute("BEGIN IMMEDIATE")
        assert other.execute("SELECT count(*) FROM parent").fetchone() == (0,)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("secret", "cannot be read"),
        ("postgresql+psycopg://user:sec:secret@host:secret/runs", "cannot be read"),
        ("mysql+aiomysql://user:secret@host/runs", "neither SQLite nor PostgreSQL"),
        ("postgresql+asyncpg://user:secret@host/runs", r"driver asyncpg.*\[postgres\]"),
        ("sqlite:///secret.db", "not asynchronous"),
        ("sqlite+secret:///runs.db", "unknown"),
        ("sqlite+aiosqlite:////dev/null/secret/runs.db", "folder .* cannot be made: Not a directory"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_and_not_quoted(url: str, reason: str) -> None:
    with pytest.raises(SettingsError, match=reason) as refused:
        create_engine(url)
    assert "secret" not in str(refused.value)
    assert refused.value.__cause__ is None, "a traceback would show it"


@pytest.mark.parametrize("first", [0, 100])
async def test_a_file_that_is_damaged_is_named_at_the_start_and_to_nobody_else(
    tmp_path: Path, first: int
) -> None:
    file = tmp_path / "a.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE parent (id INTEGER PRIMARY KEY)")
    whole = file.read_bytes()
    # From the header's end at byte 100 on, the file still says that it is a database.
    file.write_bytes(whole[:first] + b"\xff" * (len(whole) - first))
    engine = create_engine(f"sqlite+aiosqlite:///{file}")
    try:
        with pytest.raises(DataLoss, match=r"is damaged.* backup") as told:
            await current(engine)
        with pytest.raises(DataLoss) as said:
            async with Sessions(engine).reading() as session:
                await session.execute(text("SELECT * FROM parent"))
    finally:
        await engine.dispose()

    assert str(file) in told.value.message
    assert said.value.message == "the database is damaged"
