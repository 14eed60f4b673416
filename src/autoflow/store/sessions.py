"""Sessions whose failures the domain understands: a database that is away is Unavailable, one that is damaged
is DataLoss; neither is a fault.

Left out: retries. What failed may have been stored or not; whoever called decides.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from autoflow.errors import DataLoss, Unavailable

_SQLITE_ERROR = 1
"""SQLite's code of a wrong statement, such as one on a table that is not there."""
_SQLITE_DAMAGED = frozenset({11, 26})
"""SQLite's codes of a file that is damaged, and of one that is no database."""


@contextmanager
def unavailable_when_away() -> Iterator[None]:
    """Turns lost connections, time-outs and locks that are not given up into Unavailable.

    Raises:
        Unavailable: in place of such an error.
        DataLoss: in place of SQLite's word that the file is damaged. All other errors pass.
    """
    try:
        yield
    except PoolTimeout as error:
        raise Unavailable("the database is too busy; try again") from error
    except DBAPIError as error:
        if _sqlite_code(error) in _SQLITE_DAMAGED:
            raise DataLoss("the database is damaged") from error
        if not _away(error):
            raise
        raise Unavailable("the database cannot be reached, or is too busy; try again") from error
    except OSError as error:
        raise Unavailable("the database cannot be reached") from error


class Sessions:
    """Sessions of one database.

    Args:
        engine: the database; not connected to before the first session.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._make = async_sessionmaker(engine, expire_on_commit=False)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """A session that changes nothing.

        Raises:
            Unavailable: the database is away.
        """
        with unavailable_when_away():
            async with self._make() as session:
                yield session

    @asynccontextmanager
    async def writing(self, lock: str = "") -> AsyncIterator[AsyncSession]:
        """A transaction, committed at the end of the block.

        Args:
            lock: blocks with the same name run one after the other, in whatever process; empty for no lock.
                SQLite has one writer at a time from the first change on, and needs none.

        Raises:
            Unavailable: the database is away; the change is stored or it is not.
        """
        with unavailable_when_away():
            async with self._make.begin() as session:
                if lock and session.get_bind().dialect.name == "postgresql":
                    query = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
                    await session.execute(query, {"name": lock})
                yield session


def _away(error: DBAPIError) -> bool:
    if error.connection_invalidated or isinstance(error, InterfaceError):
        return True
    if not isinstance(error, OperationalError):
        return False
    return _sqlite_code(error) != _SQLITE_ERROR


def _sqlite_code(error: DBAPIError) -> int | None:
    """SQLite's primary code; None where the error is not SQLite's own."""
    code: int | None = getattr(error.orig, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF
