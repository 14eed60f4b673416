"""Changes that race, on a real file with several connections."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from autoflow.errors import NotFound, ResourceExhausted, Unavailable
from autoflow.store.engine import create_engine
from autoflow_trainer.runs import Iteration, Progress, Run, RunRecord, RunState
from autoflow_trainer.store import RunStore

NOW = datetime(2026, 3, 29, 2, 30, tzinfo=UTC)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[RunStore]:
    engine = create_engine(f"sqlite+aiosqlite:///{tmp_path / 'runs.db'}")
    store = RunStore(engine, on_change=lambda run_id: None)
    await store.create_tables()
    yield store
    await engine.dispose()


def new_run(run_id: str = "one") -> Run:
    return Run(id=run_id, spec=b"spec", state=RunState.PENDING, create_time=NOW)


def one_more(record: RunRecord) -> RunRecord:
    return replace(record, losses=record.losses + 1)


def elsewhere(folder: Path, statement: str) -> None:
    """Changes the database as another process would."""
    with closing(sqlite3.connect(folder / "runs.db")) as connection, connection:
        connection.execute(statement)


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


async def test_a_change_from_another_process_comes_first_or_after(store: RunStore, tmp_path: Path) -> None:
    await store.insert(new_run(), None, max_waiting=9)
    races = 0

    def late_twice(record: RunRecord) -> RunRecord:
        nonlocal races
        races += 1
        if races <= 2:
            elsewhere(tmp_path, "UPDATE runs SET version = version + 1, checkpoint = checkpoint || 'x'")
        return one_more(record)

    record = await store.update("one", late_twice)
    assert (record.losses, record.checkpoint) == (1, "xx")


async def test_a_change_that_never_comes_first_is_given_up(store: RunStore, tmp_path: Path) -> None:
    await store.insert(new_run(), None, max_waiting=9)

    def always_late(record: RunRecord) -> RunRecord:
        elsewhere(tmp_path, "UPDATE runs SET version = version + 1")
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


async def test_only_what_callers_see_is_told(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite+aiosqlite:///{tmp_path / 'told.db'}")
    told: list[str] = []
    store = RunStore(engine, on_change=told.append)
    await store.create_tables()
    await store.insert(new_run(), None, max_waiting=9)
    await store.update("one", one_more)
    await store.update("one", lambda record: record)
    assert told == ["one"]
    await store.update("one", lambda record: replace(record, run=replace(record.run, ledger=b"more")))
    assert told == ["one", "one"]
    await engine.dispose()


async def test_tenants_do_not_meet(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite+aiosqlite:///{tmp_path / 'tenants.db'}")
    ours = RunStore(engine, on_change=lambda run_id: None)
    theirs = RunStore(engine, on_change=lambda run_id: None, tenant="theirs")
    await ours.create_tables()
    await ours.insert(new_run(), "request", max_waiting=1)
    with pytest.raises(NotFound):
        await theirs.get("one")
    assert await theirs.page(None, 9) == []
    assert await theirs.unfinished() == []
    assert await theirs.find_request("request") is None
    await theirs.insert(new_run(), "request", max_waiting=1)
    await engine.dispose()


async def test_a_database_that_is_away_is_told_apart(tmp_path: Path, store: RunStore) -> None:
    assert await store.reachable()
    folder = tmp_path / "folder.db"
    folder.mkdir()
    engine = create_engine(f"sqlite+aiosqlite:///{folder}")
    assert not await RunStore(engine, on_change=lambda run_id: None).reachable()
    await engine.dispose()
