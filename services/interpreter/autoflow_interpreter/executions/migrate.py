"""`python -m autoflow_interpreter migrate`."""

from __future__ import annotations

from collections.abc import Mapping

from autoflow.settings import from_env
from autoflow.store import command
from autoflow_interpreter.executions.store import MIGRATIONS
from autoflow_interpreter.settings import DatabaseSettings


def migrate(env: Mapping[str, str]) -> int:
    """Brings the interpreter's database to what this version needs; see `autoflow.store.command`.

    Args:
        env: where the database is, as for the service.

    Returns:
        The exit status.
    """
    return command.migrate(lambda: from_env(DatabaseSettings, env).database, MIGRATIONS)
