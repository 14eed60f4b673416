"""Backups: consistent while somebody writes, checked before anything is touched."""

from __future__ import annotations

import io
import sqlite3
import tarfile
import threading
from contextlib import closing
from pathlib import Path

import pytest

from autoflow.cli.backup.archive import MANIFEST
from autoflow.cli.backup.create import create
from autoflow.cli.backup.restore import restore
from autoflow.errors import DataLoss, InvalidArgument, Unavailable
from autoflow.server import ServerSettings, serve
from autoflow.server.compose import load_builder, local_environment
from autoflow.store.artifacts import ArtifactStore
from tests.cli.harness import autoflow


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The folder of a system: two tables whose sums are always equal, an artifact, and what is left out."""
    home = tmp_path / "home"
    (home / "trainer" / "workers").mkdir(parents=True)
    (home / "trainer" / "workers" / "one.log").write_text("private")
    with closing(sqlite3.connect(home / "trainer" / "trainer.db")) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.executescript("CREATE TABLE a (n INTEGER); CREATE TABLE b (n INTEGER)")
    ArtifactStore(str(home / "artifacts")).put(b"blob")
    return home


def ignore(count: int) -> None:
    """Progress that nobody looks at."""


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def rows(home: Path, table: str) -> int:
    with closing(sqlite3.connect(home / "trainer" / "trainer.db")) as database:
        (count,) = database.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(count)


def test_a_backup_while_somebody_writes_is_of_one_state(home: Path, tmp_path: Path) -> None:
    stop, written = threading.Event(), threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(home / "trainer" / "trainer.db", timeout=30)) as database:
            while not stop.is_set():
                with database:
                    database.execute("INSERT INTO a VALUES (1)")
                    database.execute("INSERT INTO b VALUES (1)")
                written.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert written.wait(30)
        for index in range(5):
            create(home, tmp_path / f"{index}.tar", ignore)
    finally:
        stop.set()
        writer.join(30)

    for index in range(5):
        restored = tmp_path / f"restored-{index}"
        restore(tmp_path / f"{index}.tar", restored, ignore, force=False)
        assert rows(restored, "a") == rows(restored, "b") > 0


def test_state_comes_back_and_logs_stay_away(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "backup.tar"
    create(home, file, ignore)
    manifest = restore(file, tmp_path / "deep" / "restored", ignore, force=False)

    found = files(tmp_path / "deep" / "restored")
    assert set(found) == {entry.path for entry in manifest.entries}
    assert sorted(name.split("/")[0] for name in found) == ["artifacts", "trainer"]
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["restored"]


async def test_a_restored_folder_serves(tmp_path: Path) -> None:
    def env(home: Path) -> dict[str, str]:
        names = ("GENERATOR", "INTERPRETER", "SCORER", "TRAINER")
        nowhere = {f"AUTOFLOW_{name}_ADDRESS": "127.0.0.1:9" for name in names}
        return local_environment(home, nowhere)

    settings = ServerSettings(address="127.0.0.1:0")
    build = load_builder("trainer")
    server = await serve(build(env(tmp_path / "home")), settings)
    manifest = create(tmp_path / "home", tmp_path / "backup.tar", ignore)
    await server.stop(0)
    assert [entry.revision for entry in manifest.entries] == ["0003"]

    restore(tmp_path / "backup.tar", tmp_path / "restored", ignore, force=False)
    server = await serve(build(env(tmp_path / "restored")), settings)
    await server.stop(0)


def test_a_damaged_artifact_is_left_out_and_named(home: Path, tmp_path: Path) -> None:
    (artifact,) = (path for path in (home / "artifacts").rglob("*") if path.is_file())
    artifact.write_bytes(b"rot")
    manifest = create(home, tmp_path / "backup.tar", ignore)
    assert manifest.damaged == (artifact.relative_to(home).as_posix(),)
    assert [entry.path for entry in manifest.entries] == ["trainer/trainer.db"]


def test_a_damaged_database_is_not_backed_up(home: Path, tmp_path: Path) -> None:
    (home / "trainer" / "trainer.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(DataLoss):
        create(home, tmp_path / "backup.tar", ignore)
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


@pytest.mark.parametrize("where", [600, 2000, -600])
def test_a_changed_byte_is_noticed_and_nothing_restored(home: Path, tmp_path: Path, where: int) -> None:
    file = tmp_path / "backup.tar"
    create(home, file, ignore)
    data = bytearray(file.read_bytes())
    with tarfile.open(file) as archive:
        member = archive.getmembers()[0]
    place = member.offset_data + where if where > 0 else member.offset_data + member.size + where
    data[place] ^= 1
    file.write_bytes(data)
    with pytest.raises(DataLoss, match="is not what was backed up"):
        restore(file, tmp_path / "restored", ignore, force=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup.tar", "home"]


@pytest.mark.parametrize("part", [0.0, 0.3, 0.7])
def test_a_backup_cut_short_is_refused(home: Path, tmp_path: Path, part: float) -> None:
    file = tmp_path / "backup.tar"
    create(home, file, ignore)
    data = file.read_bytes()
    file.write_bytes(data[: int(len(data) * part)])
    with pytest.raises(DataLoss):
        restore(file, tmp_path / "restored", ignore, force=False)
    assert not (tmp_path / "restored").exists()


@pytest.mark.parametrize("name", ["../outside", "/outside", "a/../../outside"])
def test_a_hostile_name_writes_nothing(tmp_path: Path, name: str) -> None:
    file = tmp_path / "backup.tar"
    with tarfile.open(file, "w") as archive:
        archive.addfile(tarfile.TarInfo(name), io.BytesIO())
        archive.addfile(tarfile.TarInfo(MANIFEST), io.BytesIO())
    with pytest.raises(DataLoss, match="outside"):
        restore(file, tmp_path / "in" / "restored", ignore, force=False)
    assert files(tmp_path) == {"backup.tar": file.read_bytes()}


def test_a_folder_that_is_not_empty_is_replaced_only_by_force(home: Path, tmp_path: Path) -> None:
    file, target = tmp_path / "backup.tar", tmp_path / "target"
    create(home, file, ignore)
    target.mkdir()
    (target / "mine").touch()
    with pytest.raises(InvalidArgument, match="--force"):
        restore(file, target, ignore, force=False)
    assert set(files(target)) == {"mine"}
    restore(file, target, ignore, force=True)
    assert "mine" not in files(target)
    assert rows(target, "a") == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup.tar", "home", "target"]


async def test_the_commands_say_what_they_did(home: Path, tmp_path: Path) -> None:
    file, target = str(tmp_path / "backup.tar"), str(tmp_path / "target")
    made = await autoflow("backup", "create", file, "--data", str(home), "--json")
    assert made.code == 0
    assert (made.document["artifacts"], made.document["damaged"]) == (1, [])

    again = await autoflow("backup", "create", file, "--data", str(home))
    assert (again.code, "there already" in again.error) == (2, True)

    back = await autoflow("backup", "restore", file, "--data", target)
    assert (back.code, back.out.startswith("restored ")) == (0, True)
    refused = await autoflow("backup", "restore", file, "--data", target)
    assert (refused.code, "--force" in refused.error) == (2, True)
    absent = await autoflow("backup", "restore", file + "x", "--data", target)
    assert (absent.code, absent.error) == (2, f"autoflow: {file}x: there is no such file")


async def test_the_folder_is_that_of_the_environment_where_none_is_named(home: Path, tmp_path: Path) -> None:
    file = str(tmp_path / "backup.tar")
    named = await autoflow("backup", "create", file, "--json", env={"AUTOFLOW_DATA": str(home)})
    assert (named.code, named.document["data"]) == (0, str(home))
    own = await autoflow("backup", "restore", file, "--json", env={"XDG_DATA_HOME": str(tmp_path)})
    assert (own.code, own.document["data"]) == (0, str(tmp_path / "autoflow"))
    assert set(files(home)) > set(files(tmp_path / "autoflow")) > set()


def test_a_database_that_stays_locked_is_given_up(home: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(home / "trainer" / "trainer.db")) as database:
        # Only without a write-ahead log does a writer keep readers out.
        database.execute("PRAGMA journal_mode = DELETE")
        database.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Unavailable, match=r"^trainer/trainer\.db .* locked$"):
            create(home, tmp_path / "backup.tar", ignore, busy_timeout=0.1)
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_a_link_to_the_folder_stays_one(home: Path, tmp_path: Path) -> None:
    file, target, link = tmp_path / "backup.tar", tmp_path / "disk" / "state", tmp_path / "link"
    create(home, file, ignore)
    target.mkdir(parents=True)
    (target / "mine").touch()
    link.symlink_to(target)
    restore(file, link, ignore, force=True)
    assert link.is_symlink()
    assert rows(target, "a") == 0
    assert [path.name for path in target.parent.iterdir()] == ["state"]
