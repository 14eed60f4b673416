"""`python -m autoflow_generator migrate`."""

from __future__ import annotations

from collections.abc import Mapping

from autoflow.settings import from_env
from autoflow.store import command
from autoflow_generator.registry.store import MIGRATIONS
from autoflow_generator.settings import DatabaseSettings


def migrate(env: Mapping[str, str]) -> int:
    """Brings the generator's database to what this version needs; see `autoflow.store.command`.

    Args:
        env: where the database is, as for the service.

    Returns:
        The exit status.
    """
    return command.migrate(lambda: from_env(DatabaseSettings, env).database, MIGRATIONS)
