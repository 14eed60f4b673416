"""Transactions without the object-relational mapper, where their cost matters.

A piece of work is a plain function of a connection. With SQLite all of it, from the first statement to the
commit, is done in one thread, at the price of one change of threads: an asynchronous driver changes for every
statement and every fetch of rows, which costs several times what the statements do. With PostgreSQL it is
done by the asynchronous driver.

Failures are those that the domain understands, as in `autoflow.store.sessions`; there are no retries.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.ext.asyncio import AsyncEngine

from autoflow.errors import Unavailable
from autoflow.store.engine import BUSY_TIMEOUT, in_threads
from autoflow.store.sessions import unavailable_when_away

T = TypeVar("T")

_READERS = 2
"""Threads; reads are short, and Python runs one at a time but for the wait for the disk."""


class Connections:
    """Connections of one database.

    Args:
        engine: the database; not connected to before the first use.
        patience: seconds that a piece of work may wait and take (SQLite).
    """

    def __init__(self, engine: AsyncEngine, *, patience: float = 2 * BUSY_TIMEOUT) -> None:
        self._engine = engine
        self._threads = _Threads(in_threads(engine), patience) if engine.dialect.name == "sqlite" else None

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Does what changes nothing.

        Raises:
            Unavailable: the database is away.
        """
        with unavailable_when_away():
            if self._threads is not None:
                return await self._threads.read(work)
            async with self._engine.connect() as connection:
                return await connection.run_sync(work)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Does a piece of work in a transaction; on SQLite the only one from its beginning on.

        With SQLite, what has begun is done to its end, be the caller cancelled or not.

        Raises:
            Unavailable: the database is away, or others keep it locked; the change is stored or it is not.
        """
        with unavailable_when_away():
            if self._threads is not None:
                return await self._threads.write(work)
            async with self._engine.begin() as connection:
                return await connection.run_sync(work)

    async def close(self) -> None:
        """Closes the connections of the threads. Harmless when repeated."""
        if self._threads is not None:
            await self._threads.close()


class _Threads:
    """SQLite, in threads of its own: one writes, so writers queue and none is passed by."""

    def __init__(self, engine: Engine, patience: float) -> None:
        self._engine = engine
        self._patience = patience
        self._writer = ThreadPoolExecutor(1, "sqlite-writer")
        self._readers = ThreadPoolExecutor(_READERS, "sqlite-reader")

    async def read(self, work: Callable[[Connection], T]) -> T:
        def reading() -> T:
            with self._engine.connect() as connection:
                return work(connection)

        return await self._done(self._readers, reading)

    async def write(self, work: Callable[[Connection], T]) -> T:
        def writing() -> T:
            with self._engine.begin() as connection:
                # Else a transaction that reads first could not go on to write.
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                return work(connection)

        return await self._done(self._writer, writing)

    async def _done(self, threads: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        try:
            # What has not begun by then never does.
            async with asyncio.timeout(self._patience):
                return await asyncio.get_running_loop().run_in_executor(threads, work)
        except TimeoutError:
            raise Unavailable("the database is too busy; try again") from None

    async def close(self) -> None:
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        for threads in (self._writer, self._readers):
            threads.shutdown(cancel_futures=True)
        self._engine.dispose()
