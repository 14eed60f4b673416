"""The trainer's revisions: from every released version, in several processes at once, never backwards."""

from __future__ import annotations

import asyncio
import sys
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from autoflow.store.engine import Base, create_engine
from autoflow.store.migrations import DatabaseTooNew, DatabaseTooOld, current, require_newest, upgrade
from autoflow_trainer.migrate import migrate
from autoflow_trainer.store import MIGRATIONS, RunStore
from tests.databases import PostgresServer

RELEASED = Path(__file__).parent / "released"


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    made = create_engine(database_url)
    yield made
    await made.dispose()


def store_of(engine: AsyncEngine) -> RunStore:
    return RunStore(engine, on_change=lambda run_id: None)


async def load(engine: AsyncEngine, version: str) -> None:
    script = (RELEASED / f"{version}.{engine.dialect.name}.sql").read_text()
    async with engine.begin() as connection:
        for statement in script.split(";\n"):
            await connection.exec_driver_sql(statement)


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, Base.metadata))


async def test_the_revisions_make_what_the_models_say(engine: AsyncEngine) -> None:
    await upgrade(engine, MIGRATIONS)
    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []


@pytest.mark.parametrize("version", sorted({path.name.rsplit(".", 2)[0] for path in RELEASED.iterdir()}))
async def test_every_released_version_is_brought_forward(engine: AsyncEngine, version: str) -> None:
    await load(engine, version)

    await upgrade(engine, MIGRATIONS)

    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    record = await store_of(engine).get("one")
    assert (record.run.spec, record.version, record.lease.fencing_token) == (b"spec", 3, 7)
    assert record.run.create_time.isoformat() == "2026-03-29T02:30:00.000001+00:00"
    assert await store_of(engine).iterations(record) == [b"payload"]


async def test_an_upgrade_twice_changes_nothing(engine: AsyncEngine) -> None:
    assert await current(engine) is None
    first = await upgrade(engine, MIGRATIONS)
    assert await upgrade(engine, MIGRATIONS) == first == await current(engine)


async def test_a_database_of_a_newer_version_is_left_alone(engine: AsyncEngine) -> None:
    await upgrade(engine, MIGRATIONS)
    async with engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(DatabaseTooNew, match="9999"):
        await upgrade(engine, MIGRATIONS)
    with pytest.raises(DatabaseTooNew, match="9999"):
        await require_newest(engine, MIGRATIONS)
    assert await current(engine) == "9999"


async def test_a_service_that_may_not_migrate_refuses_what_is_not_migrated(engine: AsyncEngine) -> None:
    await load(engine, "0.1")
    with pytest.raises(DatabaseTooOld):
        await store_of(engine).require_migrated()
    await store_of(engine).migrate()
    await store_of(engine).require_migrated()


async def test_an_upgrade_that_fails_leaves_nothing(engine: AsyncEngine, tmp_path: Path) -> None:
    versions = tmp_path / "100% odd" / "versions"
    versions.mkdir(parents=True)
    (versions.parent / "env.py").write_text((MIGRATIONS / "env.py").read_text())
    (versions / "one.py").write_text(
        "from alembic import op\n"
        "revision, down_revision = 'one', None\n"
        "def upgrade():\n"
        "    op.execute('CREATE TABLE half (id INTEGER)')\n"
        "    raise ValueError('halfway')\n"
    )
    with pytest.raises(ValueError, match="halfway"):
        await upgrade(engine, versions.parent)
    async with engine.connect() as connection:
        names = await connection.run_sync(lambda inner: inner.dialect.get_table_names(inner))
    assert names == []


async def test_several_processes_may_start_at_once(database_url: str) -> None:
    processes = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "autoflow_trainer", "migrate"),
            env={"AUTOFLOW_DATABASE_URL": database_url},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        for _ in range(3)
    ]
    async with asyncio.timeout(60):
        answers = [await process.communicate() for process in processes]
    assert answers == [(b"the database is at revision 0003\n", b"")] * 3


@pytest.mark.parametrize(
    ("url", "status", "said"),
    [
        ("postgresql+psycopg://user:secret@/runs?host={folder}", 3, "cannot be reached"),
        ("secret", 2, "the URL of the database cannot be read"),
    ],
)
def test_a_database_that_cannot_be_migrated_ends_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], url: str, status: int, said: str
) -> None:
    assert migrate({"AUTOFLOW_DATABASE_URL": url.format(folder=tmp_path)}) == status
    printed = capsys.readouterr()
    assert said in printed.err
    assert "secret" not in printed.err


def test_an_account_that_may_make_no_tables_ends_the_command(
    postgres: PostgresServer, capsys: pytest.CaptureFixture[str]
) -> None:
    url = make_url(postgres.new_database())
    role = f"reader_{uuid.uuid4().hex}"
    postgres.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'secret'")
    weak = url.set(username=role, password="secret").render_as_string(hide_password=False)
    assert migrate({"AUTOFLOW_DATABASE_URL": weak}) == 3
    printed = capsys.readouterr()
    assert "permission denied" in printed.err
    assert "secret" not in printed.err
