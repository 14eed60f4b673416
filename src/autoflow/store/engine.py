"""The engine and the declarative base of a service's tables.

Each service has a database of its own; nobody reads another's. Left out: migrations.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import ConnectionPoolEntry

BUSY_TIMEOUT = 10.0
"""Seconds that a writer waits for another one before it fails (SQLite)."""


class Base(DeclarativeBase):
    """The base of all tables."""


def create_engine(url: str) -> AsyncEngine:
    """Makes the engine of a database; nothing is connected to before it is used.

    SQLite keeps foreign keys and a write-ahead log, so that readers and a writer do not wait for each other;
    a commit survives the loss of power.

    Args:
        url: an SQLAlchemy URL with an async driver, such as `sqlite+aiosqlite:///path/to/file.db`. The folder
            of an SQLite file is made.

    Returns:
        The engine; whoever made it disposes of it.

    Raises:
        sqlalchemy.exc.ArgumentError: the URL cannot be read.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_async_engine(parsed, pool_pre_ping=True)
    if parsed.database and parsed.database != ":memory:":
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_async_engine(parsed, connect_args={"timeout": BUSY_TIMEOUT})
    event.listen(engine.sync_engine, "connect", _prepare)
    return engine


def _prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
