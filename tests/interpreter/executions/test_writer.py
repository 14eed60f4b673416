"""Commits in groups: their order, and what becomes of them when callers or the database go away."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path

import pytest
from sqlalchemy import make_url

from autoflow.errors import Unavailable
from autoflow.store.engine import create_engine
from autoflow_interpreter.executions.model import Append, Appended
from autoflow_interpreter.executions.store import ExecutionStore
from autoflow_interpreter.executions.writer import GroupWriter
from tests.databases import PostgresServer
from tests.interpreter.executions.kept import LATER, append, finishing, new_execution, opened, payloads


class Slow:
    """Stores when it is told to, and remembers the sizes of batches."""

    def __init__(self, store: ExecutionStore) -> None:
        self._store = store
        self.go_on = asyncio.Event()
        self.sizes: list[int] = []

    async def append(self, batch: Sequence[Append]) -> list[Appended]:
        self.sizes.append(len(batch))
        await self.go_on.wait()
        return await self._store.append(batch)


class Forgetful:
    """Stores, and the first time nobody is told."""

    def __init__(self, store: ExecutionStore) -> None:
        self._store = store
        self.calls = 0

    async def append(self, batch: Sequence[Append]) -> list[Appended]:
        self.calls += 1
        stored = await self._store.append(batch)
        if self.calls == 1:
            raise Unavailable("the connection is lost")
        return stored


@pytest.fixture
async def held(store: ExecutionStore) -> ExecutionStore:
    """A store with ten executions, `e0` and so on."""
    for number in range(10):
        await store.insert(new_execution(f"e{number}"), "me", LATER)
    return store


async def settle() -> None:
    """Lets everybody come as far as they can without the database."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_what_comes_during_a_commit_is_committed_together(held: ExecutionStore) -> None:
    slow = Slow(held)
    writer = GroupWriter(slow, most=8)
    writer.start()
    first = asyncio.create_task(writer.write(append(0, b"0", execution_id="e0")))
    await settle()
    # Those of one execution stay in their order, within a batch and across two.
    rest = [
        asyncio.create_task(writer.write(append(number, b"%d" % number, execution_id="e0")))
        for number in range(1, 12)
    ]
    await settle()
    slow.go_on.set()
    async with asyncio.timeout(20):
        assert await asyncio.gather(first, *rest) == [Appended.STORED] * 12
    await writer.close()
    assert slow.sizes == [1, 8, 3]
    assert await payloads(held, "e0") == [b"%d" % number for number in range(12)]


async def test_a_caller_that_is_cancelled_loses_nothing(held: ExecutionStore) -> None:
    slow = Slow(held)
    writer = GroupWriter(slow)
    writer.start()
    under_way = asyncio.create_task(writer.write(append(0, b"a", execution_id="e0")))
    await settle()
    waiting = asyncio.create_task(writer.write(append(1, b"b", execution_id="e0")))
    await settle()
    for task in (under_way, waiting):
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    slow.go_on.set()
    async with asyncio.timeout(20):
        assert await writer.write(append(2, b"c", execution_id="e0")) is Appended.STORED
    await writer.close()
    assert await payloads(held, "e0") == [b"a", b"b", b"c"]


async def test_closing_writes_what_waits(held: ExecutionStore) -> None:
    writer = GroupWriter(held, linger=0.01)
    writer.start()
    writes = [asyncio.create_task(writer.write(append(0, b"a", execution_id=f"e{n}"))) for n in range(10)]
    await settle()
    await writer.close()
    assert await asyncio.gather(*writes) == [Appended.STORED] * 10
    with pytest.raises(Unavailable):
        await writer.write(append(1, b"b", execution_id="e0"))
    await writer.close()


async def test_a_commit_of_which_nobody_was_told_is_told_of(held: ExecutionStore) -> None:
    forgetful = Forgetful(held)
    writer = GroupWriter(forgetful)
    writer.start()
    ends = append(0, b"a", execution_id="e0", change=finishing())
    goes_on = append(0, b"a", execution_id="e1")
    told = await asyncio.gather(writer.write(ends), writer.write(goes_on))
    assert set(told) == {Appended.STORED}
    assert forgetful.calls == 2
    await writer.close()
    assert await payloads(held, "e0") == await payloads(held, "e1") == [b"a"]


async def test_one_that_cannot_be_stored_does_not_take_others_with_it(held: ExecutionStore) -> None:
    writer = GroupWriter(held)
    writer.start()
    impossible = append(0, "a text", execution_id="e0")  # type: ignore[arg-type]
    told = await asyncio.gather(
        writer.write(append(0, b"a", execution_id="e1")),
        writer.write(impossible),
        writer.write(append(0, b"a", execution_id="e2")),
        return_exceptions=True,
    )
    await writer.close()
    assert told[0] == told[2] == Appended.STORED
    assert isinstance(told[1], Exception)
    assert not isinstance(told[1], Unavailable)
    assert await payloads(held, "e0") == []


async def test_a_lock_of_another_process_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "kept.db"
    engine = create_engine(f"sqlite+aiosqlite:///{path}", busy_timeout=0.02)
    store = ExecutionStore(engine)
    await store.migrate()
    await store.insert(new_execution(), "me", LATER)
    writer = GroupWriter(store, patience=60)
    impatient = GroupWriter(store, patience=0)
    writer.start()
    impatient.start()
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable):
            await impatient.write(append(0, b"never"))
        write = asyncio.create_task(writer.write(append(0, b"a")))
        await asyncio.sleep(0.2)
        assert not write.done()
    async with asyncio.timeout(20):
        assert await write is Appended.STORED
    await writer.close()
    await impatient.close()
    assert await payloads(store) == [b"a"]
    await engine.dispose()


async def test_a_server_that_goes_away_and_comes_back_loses_nothing(postgres: PostgresServer) -> None:
    url = postgres.new_database()
    name = make_url(url).database
    async with opened(url) as store:
        await store.migrate()
        await store.insert(new_execution(), "me", LATER)
        writer = GroupWriter(store, patience=60)
        writer.start()

        async def write() -> list[Appended]:
            return [await writer.write(append(number, b"%d" % number)) for number in range(200)]

        writing = asyncio.create_task(write())
        for events in (20, 60, 100):
            while (await store.get("one")).events < events:  # noqa: ASYNC110  # A row rings no bell.
                await asyncio.sleep(0.01)
            postgres.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            postgres.execute(
                f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
            )
            await asyncio.sleep(0.1)
            postgres.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        async with asyncio.timeout(30):
            assert await writing == [Appended.STORED] * 200
        await writer.close()
        assert await payloads(store) == [b"%d" % number for number in range(200)]
