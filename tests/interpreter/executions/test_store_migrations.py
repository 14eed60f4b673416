"""The interpreter's revisions, and the command that runs them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

from autoflow.store.engine import create_engine
from autoflow.store.migrations import DatabaseTooOld, current, upgrade
from autoflow_interpreter.executions.migrate import migrate
from autoflow_interpreter.executions.store import MIGRATIONS, ExecutionStore
from autoflow_interpreter.executions.store.tables import METADATA


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    made = create_engine(database_url)
    yield made
    await made.dispose()


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, METADATA))


async def test_the_revisions_make_what_the_tables_say(engine: AsyncEngine) -> None:
    await upgrade(engine, MIGRATIONS)
    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_a_service_that_may_not_migrate_refuses_what_is_not_migrated(engine: AsyncEngine) -> None:
    store = ExecutionStore(engine)
    with pytest.raises(DatabaseTooOld):
        await store.require_migrated()
    assert await store.migrate() == await store.migrate() == await current(engine)
    await store.require_migrated()


def test_the_command_migrates(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "autoflow_interpreter", "migrate"],
        env={"AUTOFLOW_INTERPRETER_DATA": str(tmp_path / "interpreter")},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, b"the database is at revision 0002\n"), done.stderr
    assert (tmp_path / "interpreter" / "interpreter.db").is_file()


@pytest.mark.parametrize(
    ("url", "status", "said"),
    [
        ("postgresql+psycopg://user:secret@/executions?host={folder}", 3, "cannot be reached"),
        ("secret", 2, "the URL of the database cannot be read"),
    ],
)
def test_a_database_that_cannot_be_migrated_ends_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], url: str, status: int, said: str
) -> None:
    assert migrate({"AUTOFLOW_INTERPRETER_DATABASE_URL": url.format(folder=tmp_path)}) == status
    printed = capsys.readouterr()
    assert said in printed.err
    assert "secret" not in printed.err
