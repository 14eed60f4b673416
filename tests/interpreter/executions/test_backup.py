"""Kept executions are part of a backup."""

from __future__ import annotations

from pathlib import Path

from autoflow.cli.backup.create import create
from autoflow.cli.backup.restore import restore
from autoflow_interpreter.executions.model import Appended
from tests.interpreter.executions.kept import LATER, append, new_execution, opened, payloads


def database_in(home: Path) -> str:
    return f"sqlite+aiosqlite:///{home / 'interpreter' / 'interpreter.db'}"


async def test_executions_come_back_as_they_were(tmp_path: Path) -> None:
    home, restored, file = tmp_path / "home", tmp_path / "restored", tmp_path / "backup.tar"
    async with opened(database_in(home)) as store:
        await store.migrate()
        await store.insert(new_execution(), "me", LATER)
        await store.append([append(0, b"a")])
        create(home, file, lambda done: None)
        await store.append([append(1, b"after the backup")])
    restore(file, restored, lambda done: None, force=False)
    async with opened(database_in(restored)) as store:
        await store.require_migrated()
        assert await payloads(store) == [b"a"]
        assert await store.append([append(1, b"b")]) == [Appended.STORED]
