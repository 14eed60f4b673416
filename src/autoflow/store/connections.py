"""Connections for statements without the object-relational mapper, where their cost matters.

What `autoflow.store.sessions` is for sessions: failures that the domain understands, and no retries.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from autoflow.errors import Unavailable
from autoflow.store.engine import BUSY_TIMEOUT
from autoflow.store.sessions import unavailable_when_away


class Connections:
    """Connections of one database.

    Args:
        engine: the database; not connected to before the first use.
        busy_timeout: seconds that a writer waits for the others of this process (SQLite).
    """

    def __init__(self, engine: AsyncEngine, *, busy_timeout: float = BUSY_TIMEOUT) -> None:
        self._engine = engine
        self._busy_timeout = busy_timeout
        # SQLite lets those who wait for its one write lock look again and again, and whoever looks at the
        # right moment has it. Those of one process queue here instead: none is passed by.
        self._turn = asyncio.Lock() if engine.dialect.name == "sqlite" else None

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection that changes nothing.

        Raises:
            Unavailable: the database is away.
        """
        with unavailable_when_away():
            async with self._engine.connect() as connection:
                yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction, committed at the end of the block; on SQLite the only one from its beginning on.

        Raises:
            Unavailable: the database is away, or others keep it locked; the change is stored or it is not.
        """
        async with self._my_turn():
            with unavailable_when_away():
                async with self._engine.begin() as connection:
                    if self._turn is not None:
                        # Else a transaction that reads first could not go on to write.
                        await connection.exec_driver_sql("BEGIN IMMEDIATE")
                    yield connection

    @asynccontextmanager
    async def _my_turn(self) -> AsyncIterator[None]:
        if self._turn is None:
            yield
            return
        try:
            async with asyncio.timeout(self._busy_timeout):
                await self._turn.acquire()
        except TimeoutError:
            raise Unavailable("the database is too busy; try again") from None
        try:
            yield
        finally:
            self._turn.release()
