"""`python -m autoflow_<service> migrate`: brings a database to what this version needs, before a roll-out."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from autoflow.errors import AutoFlowError
from autoflow.store.engine import create_engine
from autoflow.store.migrations import upgrade


def migrate(url: Callable[[], str], location: Path) -> int:
    """Migrates, and says in a line what came of it.

    Args:
        url: of the database, as SQLAlchemy reads it; raises ValueError where a setting is wrong.
        location: the folder of the service's revisions.

    Returns:
        The exit status: 0, or 2 where a setting is wrong, 3 where the database cannot be migrated.
    """
    try:
        revision = asyncio.run(_migrate(url(), location))
    except AutoFlowError as error:
        print(error.message, file=sys.stderr)
        return 3
    except DBAPIError as error:
        # Such as an account that may not make tables.
        print(f"the database refuses the migration: {error.orig}", file=sys.stderr)
        return 3
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"the database is at revision {revision}")
    return 0


async def _migrate(url: str, location: Path) -> str:
    engine = create_engine(url)
    try:
        return await upgrade(engine, location)
    finally:
        await engine.dispose()
