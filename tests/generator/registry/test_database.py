"""The registry's database: its revisions, what is on the disk, backups, and while it is away."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, make_url

from autoflow.cli.backup.create import create as back_up
from autoflow.cli.backup.restore import restore
from autoflow.client import Client, errors
from autoflow.client.registry import RegistryClient
from autoflow.store.engine import create_engine
from autoflow.store.migrations import DatabaseTooOld, upgrade
from autoflow.testing import catalogue_of, serving
from autoflow.testing.processes import service_process
from autoflow.v1 import registry_service_pb2 as pb
from autoflow_generator import build
from autoflow_generator.registry.migrate import migrate
from autoflow_generator.registry.store import MIGRATIONS
from autoflow_generator.registry.store.tables import METADATA
from tests.databases import PostgresServer
from tests.generator.registry.requests import create, get, history, promote, roll_back, text
from tests.generator.registry.servers import QUICK, registry_at


def sqlite_in(home: Path) -> str:
    return f"sqlite+aiosqlite:///{home / 'generator' / 'generator.db'}"


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, METADATA))


async def test_the_revisions_make_what_the_tables_say(database_url: str) -> None:
    engine = create_engine(database_url)
    await upgrade(engine, MIGRATIONS)
    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await engine.dispose()


async def test_a_service_that_may_not_migrate_refuses_what_is_not_migrated(database_url: str) -> None:
    env = {"AUTOFLOW_GENERATOR_DATABASE_URL": database_url, "AUTOFLOW_MIGRATE_ON_START": "false"}
    with pytest.raises(DatabaseTooOld):
        async with serving(build(env, catalogue_of())):
            pass
    assert await asyncio.to_thread(migrate, env) == 0
    async with serving(build(env, catalogue_of())) as address, Client(generator=address) as client:
        assert (await client.registry.list_workflows(pb.ListWorkflowsRequest())).workflows == []


def test_the_command_migrates(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "autoflow_generator", "migrate"],
        env={"AUTOFLOW_GENERATOR_DATA": str(tmp_path / "generator")},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, b"the database is at revision 0001\n"), done.stderr
    assert (tmp_path / "generator" / "generator.db").is_file()


async def test_a_backup_holds_the_registry(tmp_path: Path) -> None:
    home, restored, file = tmp_path / "home", tmp_path / "restored", tmp_path / "backup.tar"
    async with registry_at(sqlite_in(home)) as registry:
        first = await create(registry, "planner", text("one"), "a")
        await create(registry, "planner", text("two"))
        await promote(registry, "planner@1", 0)
        await promote(registry, "planner@2", 1)
        await asyncio.to_thread(back_up, home, file, lambda done: None)
        await create(registry, "planner", text("after the backup"))
        await roll_back(registry, "planner@production", 2)
    restore(file, restored, lambda done: None, force=False)
    async with registry_at(sqlite_in(restored)) as registry:
        assert (await get(registry, "planner")).name == "workflows/planner@2"
        assert (await create(registry, "planner", text("one"), "a")).name == first.name
        assert await history(registry, "planner") == [(0, 1), (1, 2)]
        assert (await roll_back(registry, "planner@production", 2)).alias.version == 1


async def test_calls_end_while_the_database_is_away_and_work_when_it_is_back(
    postgres: PostgresServer,
) -> None:
    url = postgres.new_database()
    name = make_url(url).database
    async with registry_at(url) as registry:
        await create(registry, "planner", text("one"))
        await promote(registry, "planner@1", 0)
        postgres.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        postgres.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        calls = (
            create(registry, "planner", text("two"), "a"),
            promote(registry, "planner@1", 1, request_id="b"),
            roll_back(registry, "planner@production", 1, request_id="c"),
            get(registry, "planner"),
            history(registry, "planner"),
            registry.list_workflows(pb.ListWorkflowsRequest()),
            registry.list_aliases(pb.ListAliasesRequest()),
            registry.list_workflow_versions(pb.ListWorkflowVersionsRequest(parent="planner")),
        )
        for call in calls:
            with pytest.raises(errors.Unavailable):
                await call
        postgres.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        assert (await create(registry, "planner", text("two"), "a")).name == "workflows/planner@2"
        assert await history(registry, "planner") == [(0, 1)]


async def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    env = {"AUTOFLOW_GENERATOR_DATA": str(tmp_path / "generator")}
    versions: dict[str, pb.WorkflowVersion] = {}
    moves: list[tuple[int, int]] = []
    enough = asyncio.Event()

    async def add(registry: RegistryClient, writer: int) -> None:
        for number in range(1000):
            made = await create(registry, f"planner-{writer}", text(f"{writer} {number}"))
            versions[made.name] = made

    async def promote_on(registry: RegistryClient) -> None:
        for version in range(1, 1000):
            await create(registry, "promoted", text(str(version)))
            change = (await promote(registry, f"promoted@{version}", version - 1)).change
            moves.append((change.from_version, change.to_version))
            if len(versions) >= 40 and len(moves) >= 10:
                enough.set()

    log = tmp_path / "log"
    async with (
        service_process("generator", env, log) as process,
        Client(generator=process.address, settings=QUICK) as client,
    ):
        working = [asyncio.create_task(add(client.registry, writer)) for writer in range(3)]
        working.append(asyncio.create_task(promote_on(client.registry)))
        async with asyncio.timeout(60):
            await enough.wait()
        await process.kill()
        for ended in await asyncio.gather(*working, return_exceptions=True):
            assert isinstance(ended, errors.Unavailable)

    async with registry_at(sqlite_in(tmp_path)) as registry:
        for name, version in versions.items():
            assert await get(registry, name) == version
        kept = await history(registry, "promoted")
        # What was stored and not acknowledged any more may be there, too.
        assert kept[: len(moves)] == moves
        assert len(kept) - len(moves) <= 1
