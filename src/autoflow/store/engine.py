"""The engine and the declarative base of a service's tables.

Each service has a database of its own; nobody reads another's. Migrations are in `autoflow.store.migrations`.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import ConnectionPoolEntry

BUSY_TIMEOUT = 10.0
"""Seconds that a writer waits for another one before it fails."""
STATEMENT_TIMEOUT = 60.0
"""Seconds after which PostgreSQL gives a statement up."""

_POSTGRES_WAITS = {
    "connect_timeout": 5,
    # Milliseconds; a peer that has vanished without a word is noticed.
    "tcp_user_timeout": 15_000,
    "keepalives_idle": 30,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}


class Base(DeclarativeBase):
    """The base of all tables."""


def create_engine(url: str, *, busy_timeout: float = BUSY_TIMEOUT) -> AsyncEngine:
    """Makes the engine of a database; nothing is connected to before it is used.

    PostgreSQL needs the driver psycopg, `postgresql+psycopg://`, of the extra `postgres`; no connection and
    no statement is waited for without a limit. SQLite keeps foreign keys and a write-ahead log, so that
    readers and a writer do not wait for each other;
    a commit survives the loss of power.

    Args:
        url: an SQLAlchemy URL with an async driver, such as `sqlite+aiosqlite:///path/to/file.db`. The folder
            of an SQLite file is made.
        busy_timeout: seconds that a writer waits for another one (SQLite).

    Returns:
        The engine; whoever made it disposes of it.

    Raises:
        sqlalchemy.exc.ArgumentError: the URL cannot be read, or names another database.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "postgresql":
        engine = create_async_engine(
            parsed, pool_pre_ping=True, pool_timeout=BUSY_TIMEOUT, connect_args=_POSTGRES_WAITS
        )
        event.listen(engine.sync_engine, "connect", _limit_statements)
        return engine
    if parsed.get_backend_name() != "sqlite":
        raise ArgumentError("there are only SQLite and PostgreSQL")
    if parsed.database and parsed.database != ":memory:":
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_async_engine(parsed, connect_args={"timeout": busy_timeout})
    event.listen(engine.sync_engine, "connect", _prepare)
    return engine


def _limit_statements(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute(f"SET statement_timeout = '{STATEMENT_TIMEOUT}s'")
    cursor.execute(f"SET lock_timeout = '{BUSY_TIMEOUT}s'")
    cursor.close()
    # Else the end of the first transaction would undo it.
    connection.commit()


def _prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
