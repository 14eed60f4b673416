"""Brings a service's database to the tables that its code expects, with alembic.

A service keeps its revisions in a folder of its own (`env.py` and `versions/`) and hands that folder over.
An upgrade is one transaction under a lock of the database, so of several processes that start at once one
migrates and the others find it done; a failed upgrade leaves nothing behind.

Left out: downgrades; whoever must go back restores a backup. It does not protect against a process of an
older version that still runs while the tables change under it, and alembic's `op` is one per process: upgrade
one database at a time in a process.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command, context
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

from autoflow.errors import DataLoss, FailedPrecondition
from autoflow.store.sessions import unavailable_when_away

LOCK_SECONDS = 300
"""How long a process waits for another one that migrates (PostgreSQL; SQLite: `engine.BUSY_TIMEOUT`)."""

_LOCK = 0x6175746F666C6F77
"""The key of the advisory lock: `autoflow`, as a number."""


class DatabaseTooNew(FailedPrecondition):
    """A newer version of AutoFlow has migrated the database; this one must not touch it."""


class DatabaseTooOld(FailedPrecondition):
    """The database has not been migrated to what this version needs."""


async def upgrade(engine: AsyncEngine, location: Path) -> str:
    """Brings a database to the newest revision; does nothing where it is there.

    Args:
        engine: the database.
        location: the folder of the service's revisions.

    Returns:
        The revision that the database has now.

    Raises:
        DatabaseTooNew: its revision is unknown here.
        Unavailable: it cannot be reached, or others keep it locked.
        DataLoss: its file is damaged, or is no database.
    """
    # Most starts find nothing to do, and must not wait for the lock of somebody who writes.
    head = ScriptDirectory(str(location)).get_current_head()
    if head is not None and await current(engine) == head:
        return head
    with _told(engine):
        async with engine.begin() as connection:
            if engine.dialect.name == "sqlite":
                # Python's driver begins a transaction with the first change of a row, not of a table.
                await connection.exec_driver_sql("BEGIN IMMEDIATE")
            else:
                await connection.execute(text("SET LOCAL statement_timeout = 0"))
                await connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"))
                await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            return await connection.run_sync(_upgrade, location)


async def current(engine: AsyncEngine) -> str | None:
    """The revision of a database; None where it was never migrated.

    Raises:
        Unavailable: it cannot be reached.
        DataLoss: its file is damaged, or is no database.
    """
    with _told(engine):
        async with engine.connect() as connection:
            return await connection.run_sync(_current)


async def require_newest(engine: AsyncEngine, location: Path) -> None:
    """Checks that a database is at the newest revision, and changes nothing.

    Raises:
        DatabaseTooNew: its revision is unknown here.
        DatabaseTooOld: it is at an earlier one.
        Unavailable: it cannot be reached.
        DataLoss: its file is damaged, or is no database.
    """
    revision = await current(engine)
    scripts = ScriptDirectory(str(location))
    _refuse_unknown(scripts, revision)
    head = scripts.get_current_head()
    if revision != head:
        found = (
            "the database was never migrated"
            if revision is None
            else f"the database is at revision {revision}"
        )
        raise DatabaseTooOld(f"{found}; migrate it to {head} first")


def run_revisions() -> None:
    """The whole of a service's `env.py`: runs the revisions on the connection that `upgrade` hands over."""
    context.configure(connection=context.config.attributes["connection"])
    context.run_migrations()


@contextmanager
def _told(engine: AsyncEngine) -> Iterator[None]:
    """As `unavailable_when_away`; but whoever starts a service may read which file is damaged."""
    try:
        with unavailable_when_away():
            yield
    except DataLoss as error:
        raise DataLoss(
            f"{engine.url.database} is damaged, or is no SQLite database; move it away, and put the file of "
            "a backup in its place or start without one"
        ) from error


def _upgrade(connection: Connection, location: Path) -> str:
    config = Config()
    # A percent sign would start an interpolation.
    config.set_main_option("script_location", str(location).replace("%", "%%"))
    config.attributes["connection"] = connection
    scripts = ScriptDirectory.from_config(config)
    revision = _current(connection)
    _refuse_unknown(scripts, revision)
    head = scripts.get_current_head()
    if head is None:
        raise ValueError(f"there are no revisions in {location}")
    if revision != head:
        command.upgrade(config, "head")
    return head


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _refuse_unknown(scripts: ScriptDirectory, revision: str | None) -> None:
    if revision is not None and revision not in {known.revision for known in scripts.walk_revisions()}:
        raise DatabaseTooNew(
            f"the database is at revision {revision}, which this version does not know: it was migrated by a "
            "newer one"
        )
