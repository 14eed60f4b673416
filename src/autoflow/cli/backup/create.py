"""Makes a backup of a folder while the system that keeps its state there may run.

Databases are copied first, through SQLite's own backup, which sees one state of all tables; then artifacts.
An artifact is stored before a database names it and is never changed, so every one that a copied database
names is in the archive.

Left out of the archive: logs, and copies of adapters, which are fetched again. Left out here: databases and
artifacts that are elsewhere (`AUTOFLOW_DATABASE_URL`, `AUTOFLOW_ARTIFACTS`); their servers have ways of their
own.
"""

from __future__ import annotations

import hashlib
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from autoflow import __version__
from autoflow.cli.backup.archive import CHUNK, MANIFEST, Entry, Manifest
from autoflow.cli.bars import Advance
from autoflow.errors import DataLoss, InvalidArgument, Unavailable
from autoflow.files import replacing

_ARTIFACTS = "artifacts/sha256"

BUSY_TIMEOUT = 30.0
"""Seconds that a locked database is waited for."""


def size_of(data: Path) -> int:
    """About how many bytes a backup of a folder will hold."""
    return sum(path.stat().st_size for path in [*_databases(data), *_artifacts(data)])


def create(data: Path, file: Path, advance: Advance, *, busy_timeout: float = BUSY_TIMEOUT) -> Manifest:
    """Makes a backup; the file is there when it is complete, readable by its owner alone.

    Args:
        data: the folder that services keep their state in.
        file: where to put the backup.
        advance: told of progress.
        busy_timeout: seconds that a locked database is waited for.

    Returns:
        What is in it.

    Raises:
        InvalidArgument: there is nothing to back up, or the file is there already.
        DataLoss: a database is damaged.
        Unavailable: a database is locked for too long.
        OSError: something cannot be read or written.
    """
    if file.exists():
        raise InvalidArgument("FILE", f"{file} is there already")
    databases = list(_databases(data))
    if not databases and not any(_artifacts(data)):
        raise InvalidArgument("--data", f"{data} holds neither a database nor artifacts")
    with (
        replacing(file, mode=0o600) as raw,
        tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        return _write(archive, data, databases, advance, busy_timeout)


def _write(
    archive: tarfile.TarFile, data: Path, databases: list[Path], advance: Advance, busy_timeout: float
) -> Manifest:
    entries, damaged = [], []
    for path in databases:
        entries.append(_add_database(archive, path, path.relative_to(data).as_posix(), busy_timeout))
        advance(entries[-1].size)
    for path in _artifacts(data):
        name = path.relative_to(data).as_posix()
        # Before it is added: nothing can be taken out of an archive again.
        if _sha256(path) != path.name:
            damaged.append(name)
            continue
        archive.add(path, arcname=name, recursive=False)
        entries.append(Entry(name, path.stat().st_size, path.name))
        advance(entries[-1].size)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    manifest = Manifest(__version__, now, tuple(entries), tuple(damaged))
    encoded = manifest.encode()
    header = tarfile.TarInfo(MANIFEST)
    header.size = len(encoded)
    archive.addfile(header, BytesIO(encoded))
    return manifest


def _add_database(archive: tarfile.TarFile, path: Path, name: str, busy_timeout: float) -> Entry:
    with tempfile.TemporaryDirectory(prefix="autoflow-backup-") as folder:
        copy = Path(folder) / "copy.db"
        try:
            revision = _copy_database(path, copy, busy_timeout)
        except sqlite3.OperationalError as error:
            raise Unavailable(f"{name} cannot be read now: {error}") from error
        except sqlite3.DatabaseError as error:
            raise DataLoss(f"{name} is damaged: {error}") from error
        archive.add(copy, arcname=name, recursive=False)
        return Entry(name, copy.stat().st_size, _sha256(copy), revision)


def _copy_database(path: Path, copy: Path, busy_timeout: float) -> str | None:
    """Copies one state of a database; returns the revision of its tables."""
    with (
        closing(sqlite3.connect(path, timeout=busy_timeout)) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        # Holds a reader's lock from here on: without one, the copy would wait for a locked file for ever.
        source.execute("BEGIN")
        source.execute("SELECT 1 FROM sqlite_master").fetchone()
        # In one step: a copy in several starts anew whenever somebody writes.
        source.backup(target)
        (found,) = target.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise sqlite3.DatabaseError(found)
        if not target.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
            return None
        row = target.execute("SELECT version_num FROM alembic_version").fetchone()
        return None if row is None else str(row[0])


def _databases(data: Path) -> Iterator[Path]:
    """A service's database is in the service's folder."""
    yield from (path for path in sorted(data.glob("*/*.db")) if path.is_file() and not path.is_symlink())


def _artifacts(data: Path) -> Iterator[Path]:
    for path in sorted((data / _ARTIFACTS).glob("[0-9a-f][0-9a-f]/*")):
        # A name that begins with a dot is still being written.
        if path.is_file() and not path.is_symlink() and not path.name.startswith("."):
            yield path


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
