"""Sessions whose failures the domain understands: a database that is away is Unavailable, not a fault.

Left out: retries. What failed may have been stored or not; whoever called decides.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from autoflow.errors import Unavailable

_SQLITE_ERROR = 1
"""SQLite's code of a wrong statement, such as one on a table that is not there."""


@contextmanager
def unavailable_when_away() -> Iterator[None]:
    """Turns lost connections, time-outs and locks that are not given up into Unavailable.

    Raises:
        Unavailable: in place of such an error; all others pass.
    """
    try:
        yield
    except PoolTimeout as error:
        raise Unavailable("the database is too busy; try again") from error
    except DBAPIError as error:
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
    code = getattr(error.orig, "sqlite_errorcode", None)
    return code is None or code & 0xFF != _SQLITE_ERROR
