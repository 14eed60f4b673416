"""The engine and the declarative base of a service's tables.

Each service has a database of its own; nobody reads another's. Migrations are in `autoflow.store.migrations`.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, event, make_url
from sqlalchemy import create_engine as create_sync_engine
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, InvalidRequestError, NoSuchModuleError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import ConnectionPoolEntry

from autoflow.settings import SettingsError

BUSY_TIMEOUT = 10.0
"""Seconds that a writer waits for another one before it fails."""
STATEMENT_TIMEOUT = 60.0
"""Seconds after which PostgreSQL gives a statement up."""

_BUSY = "autoflow_busy_timeout"
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


class _Connection(sqlite3.Connection):
    """A connection that gives its lock back when it is closed.

    A call that is cancelled between a statement and its rows leaves a cursor behind, in the frames of its
    traceback. SQLite closes a connection only with its last cursor, so the transaction, and with it the one
    write lock, would live until the next garbage collection.
    """

    def close(self) -> None:
        """Rolls back first."""
        with suppress(sqlite3.Error):
            self.rollback()
        super().close()


def create_engine(url: str, *, busy_timeout: float = BUSY_TIMEOUT) -> AsyncEngine:
    """Makes the engine of a database; nothing is connected to before it is used.

    PostgreSQL needs the driver psycopg, `postgresql+psycopg://`, of the extra `postgres`; no connection and
    no statement is waited for without a limit. SQLite keeps foreign keys and a write-ahead log, so that
    readers and a writer do not wait for each other; a commit survives the loss of power.

    Args:
        url: an SQLAlchemy URL with an async driver, such as `sqlite+aiosqlite:///path/to/file.db`. The folder
            of an SQLite file is made.
        busy_timeout: seconds that a writer waits for another one (SQLite).

    Returns:
        The engine; whoever made it disposes of it.

    Raises:
        SettingsError: the URL cannot be read or names another database, its driver is not there, or the
            folder cannot be made. The message holds nothing of the URL, which may hold a password.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise SettingsError("the URL of the database cannot be read") from None
    backend = parsed.get_backend_name()
    if backend not in ("sqlite", "postgresql"):
        raise SettingsError("the URL of the database names neither SQLite nor PostgreSQL")
    try:
        return _sqlite(parsed, busy_timeout) if backend == "sqlite" else _postgresql(parsed)
    except ImportError as error:
        raise SettingsError(
            f"the URL of the database names the driver {error.name}, which is not installed; PostgreSQL's "
            "comes with the extra `postgres`: pip install 'autoflow-services[postgres]'"
        ) from None
    except (InvalidRequestError, NoSuchModuleError):
        raise SettingsError(
            "the URL of the database names a driver that is unknown or not asynchronous; it begins with "
            "sqlite+aiosqlite:// or postgresql+psycopg://"
        ) from None
    except OSError as error:
        raise SettingsError(f"the folder of the database cannot be made: {error.strerror}") from None


def in_threads(engine: AsyncEngine) -> Engine:
    """The same SQLite file, for use in threads; nothing is connected to before it is used.

    Args:
        engine: made by `create_engine`. One that is in memory has no second way in.

    Returns:
        The engine; whoever made it disposes of it.
    """
    busy_timeout = engine.sync_engine.get_execution_options().get(_BUSY, BUSY_TIMEOUT)
    made = create_sync_engine(engine.url.set(drivername="sqlite"), connect_args=_sqlite_connect(busy_timeout))
    event.listen(made, "connect", _prepare)
    return made


def _sqlite_connect(busy_timeout: float) -> dict[str, Any]:
    return {"timeout": busy_timeout, "factory": _Connection}


def _postgresql(url: URL) -> AsyncEngine:
    engine = create_async_engine(
        url, pool_pre_ping=True, pool_timeout=BUSY_TIMEOUT, connect_args=_POSTGRES_WAITS
    )
    event.listen(engine.sync_engine, "connect", _limit_statements)
    return engine


def _sqlite(url: URL, busy_timeout: float) -> AsyncEngine:
    engine = create_async_engine(
        url, connect_args=_sqlite_connect(busy_timeout), execution_options={_BUSY: busy_timeout}
    )
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
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
