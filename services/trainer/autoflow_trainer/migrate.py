"""`python -m autoflow_trainer migrate`: brings the database to what this version needs, before a roll-out."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping

from sqlalchemy.exc import DBAPIError

from autoflow.errors import AutoFlowError
from autoflow.settings import from_env
from autoflow.store.engine import create_engine
from autoflow.store.migrations import upgrade
from autoflow_trainer.settings import DatabaseSettings
from autoflow_trainer.store import MIGRATIONS


def migrate(env: Mapping[str, str]) -> int:
    """Migrates, and says in a line what came of it.

    Args:
        env: where the database is, as for the service.

    Returns:
        The exit status: 0, or 2 where a setting is wrong, 3 where the database cannot be migrated.
    """
    try:
        revision = asyncio.run(_migrate(from_env(DatabaseSettings, env).database))
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


async def _migrate(url: str) -> str:
    engine = create_engine(url)
    try:
        return await upgrade(engine, MIGRATIONS)
    finally:
        await engine.dispose()
