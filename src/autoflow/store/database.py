"""A service's own database as a whole: its revision, and whether it can be reached."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import FromClause, literal, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from autoflow.errors import DataLoss, Unavailable
from autoflow.store.connections import Connections
from autoflow.store.migrations import require_newest, upgrade
from autoflow.store.presence import Presence


class Database:
    """What stores of all services can do; they inherit it.

    Args:
        engine: the database; not connected to before the first call.
        migrations: the folder of its revisions.
        table: one that is there once it is migrated.
    """

    def __init__(self, engine: AsyncEngine, migrations: Path, table: FromClause) -> None:
        self._engine = engine
        self._migrations = migrations
        self._table = table
        self._connections = Connections(engine)
        self._presence = Presence(engine.url)

    async def migrate(self) -> str:
        """Makes the tables, or brings those that are there to what this version needs.

        Returns:
            The revision of the database.

        Raises:
            DatabaseTooNew: a newer version has migrated it.
            Unavailable: the database is away.
        """
        return await upgrade(self._engine, self._migrations)

    async def require_migrated(self) -> None:
        """Refuses a database that another version has made or migrated.

        Raises:
            DatabaseTooNew: a newer version has migrated it.
            DatabaseTooOld: nobody has migrated it to what this version needs.
            Unavailable: the database is away.
        """
        await require_newest(self._engine, self._migrations)

    async def reachable(self) -> bool:
        """Whether the database is where it was, answers and has our tables."""
        query = select(literal(1)).select_from(self._table).limit(1)
        try:
            await self._connections.read(lambda connection: connection.execute(query).all())
        except (SQLAlchemyError, DataLoss, Unavailable):
            return False
        return self._presence.holds()

    async def close(self) -> None:
        """Closes connections and engine. Harmless when repeated."""
        await self._connections.close()
        await self._engine.dispose()
