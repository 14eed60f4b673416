"""Changes that race, on real databases of each kind with several connections."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from autoflow.errors import NotFound, ResourceExhausted, Unavailable
from autoflow.store.engine import create_engine
from autoflow.store.sessions import Sessions
from autoflow_trainer.runs import Iteration, Progress, Run, RunRecord, RunState
from autoflow_trainer.store import RunStore
from tests.databases import PostgresServer

NOW = datetime(2026, 3, 29, 2, 30, tzinfo=UTC)

WRITER = """
import asyncio, sys
from dataclasses import replace
from autoflow.store.engine import create_engine
from autoflow_trainer.store import RunStore

async def write():
    engine = create_engine(sys.argv[1])
    store = RunStore(engine, on_change=lambda run_id: None)
    for _ in range(20):
        await store.update("one", lambda record: replace(record, losses=record.losses + 1))
    await engine.dispose()

asyncio.run(write())
"""
"""Another process that changes a run twenty times."""


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    made = create_engine(database_url)
    yield made
    await made.dispose()


@pytest.fixture
async def store(engine: AsyncEngine) -> RunStore:
    made = RunStore(engine, on_change=lambda run_id: None)
    await made.migrate()
    return made


def new_run(run_id: str = "one") -> Run:
    return Run(id=run_id, spec=b"spec", state=RunState.PENDING, create_time=NOW)


def one_more(record: RunRecord) -> RunRecord:
    return replace(record, losses=record.losses + 1)


def elsewhere(url: str, statement: str) -> None:
    """Changes the database as another process would."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(make_url(url).database or "")) as connection, connection:
            connection.execute(statement)
    else:
        with psycopg.connect(url.replace("+psycopg", ""), connect_timeout=10) as other:
            other.execute(statement.encode())


async def test_no_change_is_lost_where_many_race(store: RunStore) -> None:
    await store.insert(new_run(), None, max_waiting=9)
    await asyncio.gather(*(store.update("one", one_more) for _ in range(10)))
    assert (await store.get("one")).losses == 10


async def test_the_limit_on_waiting_runs_holds_where_many_race(store: RunStore) -> None:
    answers = await asyncio.gather(
        *(store.insert(new_run(f"run-{index}"), None, max_waiting=3) for index in range(8)),
        return_exceptions=True,
    )
    assert sum(isinstance(answer, RunRecord) for answer in answers) == 3
    assert sum(isinstance(answer, ResourceExhausted) for answer in answers) == 5
    assert len(await store.page(None, 50)) == 3


async def test_a_change_from_another_process_comes_first_or_after(store: RunStore, database_url: str) -> None:
    await store.insert(new_run(), None, max_waiting=9)
    races = 0

    def late_twice(record: RunRecord) -> RunRecord:
        nonlocal races
        races += 1
        if races <= 2:
            elsewhere(database_url, "UPDATE runs SET version = version + 1, checkpoint = checkpoint || 'x'")
        return one_more(record)

    record = await store.update("one", late_twice)
    assert (record.losses, record.checkpoint) == (1, "xx")


async def test_a_change_that_never_comes_first_is_given_up(store: RunStore, database_url: str) -> None:
    await store.insert(new_run(), None, max_waiting=9)

    def always_late(record: RunRecord) -> RunRecord:
        elsewhere(database_url, "UPDATE runs SET version = version + 1")
        return one_more(record)

    with pytest.raises(Unavailable):
        await store.update("one", always_late)
    assert (await store.get("one")).losses == 0


async def test_an_iteration_is_stored_with_its_commit_or_not_at_all(store: RunStore) -> None:
    await store.insert(new_run(), None, max_waiting=9)
    iteration = Iteration(0, b"payload", b"ledger", "checkpoint")

    def refuse(record: RunRecord) -> RunRecord:
        raise ValueError("refused")

    with pytest.raises(ValueError, match="refused"):
        await store.update("one", refuse, iteration=iteration)
    record = await store.update("one", lambda record: record, iteration=iteration)
    assert await store.iterations(record) == []
    record = await store.update(
        "one", lambda record: replace(record, run=replace(record.run, committed=1)), iteration=iteration
    )
    assert await store.iterations(record) == [b"payload"]
    assert await store.iterations(record, start=1) == []


async def test_a_record_comes_back_as_it_was_stored(store: RunStore) -> None:
    inserted = await store.insert(new_run(), "request", max_waiting=9)
    tokyo = timezone(timedelta(hours=9))

    def change(record: RunRecord) -> RunRecord:
        run = replace(
            record.run,
            state=RunState.RUNNING,
            start_time=NOW.astimezone(tokyo) + timedelta(microseconds=1),
            progress=Progress("", 0, 0),
            ledger=b"ledger",
        )
        return replace(record, run=run, checkpoint="c", last_commit=b"l", launch_after=NOW)

    stored = await store.update("one", change)
    assert stored.version == inserted.version + 1
    assert await store.get("one") == stored
    assert await store.find_request("request") == stored
    assert await store.unfinished() == [stored]
    assert (await store.get("one")).run.create_time.tzinfo is UTC


async def test_text_that_a_database_cannot_keep_is_kept_readable(store: RunStore) -> None:
    await store.insert(new_run(), None, max_waiting=9)
    stored = await store.update(
        "one", lambda record: replace(record, run=replace(record.run, progress=Progress("a\0b", 1, 2)))
    )
    progress = (await store.get("one")).run.progress
    assert progress is not None
    assert progress.phase == "a\ufffdb"
    assert stored.version == (await store.get("one")).version


async def test_one_request_that_comes_many_times_at_once_makes_one_run(store: RunStore) -> None:
    records = await asyncio.gather(
        *(store.insert(new_run(f"run-{index}"), "request", max_waiting=9) for index in range(6))
    )
    assert len({record.run.id for record in records}) == 1
    assert len(await store.page(None, 9)) == 1


async def test_runs_are_in_the_order_of_their_creation(store: RunStore) -> None:
    await asyncio.gather(*(store.insert(new_run(f"run-{index}"), None, max_waiting=9) for index in range(6)))
    sequences = [record.sequence for record in await store.page(None, 9)]
    assert sequences == sorted(sequences, reverse=True)
    assert [record.sequence for record in await store.page(sequences[2], 9)] == sequences[3:]


async def test_a_test_split_is_opened_once_by_each_run(store: RunStore) -> None:
    await store.insert(new_run(), None, max_waiting=9)
    await store.insert(new_run("two"), None, max_waiting=9)

    async def open_by(run_id: str) -> int:
        return await store.open_test(run_id, lambda record: record, suite_digest="sha256:s", now=NOW)

    await asyncio.gather(*(open_by("one") for _ in range(4)))
    assert await open_by("one") == 1
    assert await open_by("two") == 2


async def test_only_what_callers_see_is_told(engine: AsyncEngine) -> None:
    told: list[str] = []
    store = RunStore(engine, on_change=told.append)
    await store.migrate()
    await store.insert(new_run(), None, max_waiting=9)
    await store.update("one", one_more)
    await store.update("one", lambda record: record)
    assert told == ["one"]
    await store.update("one", lambda record: replace(record, run=replace(record.run, ledger=b"more")))
    assert told == ["one", "one"]


async def test_tenants_do_not_meet(engine: AsyncEngine) -> None:
    ours = RunStore(engine, on_change=lambda run_id: None)
    theirs = RunStore(engine, on_change=lambda run_id: None, tenant="theirs")
    await ours.migrate()
    await ours.insert(new_run(), "request", max_waiting=1)
    with pytest.raises(NotFound):
        await theirs.get("one")
    assert await theirs.page(None, 9) == []
    assert await theirs.unfinished() == []
    assert await theirs.find_request("request") is None
    await theirs.insert(new_run(), "request", max_waiting=1)


async def test_a_file_that_cannot_be_opened_is_unavailable(tmp_path: Path) -> None:
    folder = tmp_path / "folder.db"
    folder.mkdir()
    engine = create_engine(f"sqlite+aiosqlite:///{folder}")
    store = RunStore(engine, on_change=lambda run_id: None)
    assert not await store.reachable()
    with pytest.raises(Unavailable):
        await store.migrate()
    folder.rmdir()
    await store.migrate()
    assert await store.reachable()
    await engine.dispose()


async def test_a_lock_that_another_process_keeps_is_unavailable_until_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    engine = create_engine(f"sqlite+aiosqlite:///{path}", busy_timeout=0.05)
    store = RunStore(engine, on_change=lambda run_id: None)
    await store.migrate()
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable):
            await store.insert(new_run(), None, max_waiting=9)
        assert await store.reachable(), "who only reads does not wait"
    await store.insert(new_run(), None, max_waiting=9)
    await engine.dispose()


async def test_a_server_that_goes_away_is_unavailable_until_it_is_back(postgres: PostgresServer) -> None:
    url = postgres.new_database()
    name = make_url(url).database
    engine = create_engine(url)
    store = RunStore(engine, on_change=lambda run_id: None)
    await store.migrate()
    postgres.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
    postgres.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    assert not await store.reachable()
    with pytest.raises(Unavailable):
        await store.get("one")
    postgres.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    assert await store.reachable()
    await store.insert(new_run(), None, max_waiting=9)
    await engine.dispose()


async def test_a_connection_lost_in_a_transaction_is_unavailable(postgres: PostgresServer) -> None:
    engine = create_engine(postgres.new_database())

    async def lose() -> None:
        async with Sessions(engine).writing() as session:
            pid = await session.scalar(text("SELECT pg_backend_pid()"))
            postgres.execute(f"SELECT pg_terminate_backend({pid})")
            await session.execute(text("SELECT 1"))

    with pytest.raises(Unavailable):
        await lose()
    await engine.dispose()


async def test_a_wrong_statement_is_a_fault_not_an_outage(engine: AsyncEngine) -> None:
    with pytest.raises(DBAPIError):
        async with Sessions(engine).reading() as session:
            await session.execute(text("SELECT * FROM nowhere"))


async def test_several_processes_write_at_once_and_lose_nothing(store: RunStore, database_url: str) -> None:
    await store.insert(new_run(), None, max_waiting=9)
    processes = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-c", WRITER, database_url), stderr=asyncio.subprocess.PIPE
        )
        for _ in range(3)
    ]
    async with asyncio.timeout(60):
        errors = [(await process.communicate())[1] for process in processes]
    assert errors == [b""] * 3
    assert (await store.get("one")).losses == 60
