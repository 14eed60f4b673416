"""Restores a backup into a folder: all of it, checked, or nothing.

It is unpacked beside the folder and takes its place by a rename, so the folder's file system needs room for
both, and the folder itself cannot be where a volume is mounted. It does not notice a system that runs in the
folder; stop it first.
"""

from __future__ import annotations

import hashlib
import shutil
import tarfile
import uuid
from pathlib import Path, PurePosixPath
from typing import IO

from autoflow.cli.backup.archive import CHUNK, MANIFEST, Entry, Manifest
from autoflow.cli.bars import Advance
from autoflow.errors import DataLoss, InvalidArgument

_MAX_MANIFEST = 1 << 30


def restore(file: Path, data: Path, advance: Advance, *, force: bool) -> Manifest:
    """Restores a backup.

    Args:
        file: the backup.
        data: the folder to make.
        advance: told of progress.
        force: whether to replace what is in the folder.

    Returns:
        What was restored.

    Raises:
        InvalidArgument: the folder is not empty, and `force` is not given.
        DataLoss: the backup is damaged, incomplete, or none; the folder is as it was.
        OSError: something cannot be read or written.
    """
    # A link stays a link, and its target is replaced.
    data = data.resolve()
    if data.exists() and not (data.is_dir() and (force or not any(data.iterdir()))):
        raise InvalidArgument("--data", f"{data} is not an empty folder; --force replaces what is in it")
    data.parent.mkdir(parents=True, exist_ok=True)
    fresh = data.with_name(f".{data.name}-{uuid.uuid4().hex}")
    fresh.mkdir()
    try:
        manifest = _unpack(file, fresh, advance)
        _replace(data, fresh)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return manifest


def _unpack(file: Path, into: Path, advance: Advance) -> Manifest:
    found: dict[str, tuple[int, str]] = {}
    manifest: Manifest | None = None
    try:
        with tarfile.open(file, mode="r:") as archive:
            for member in archive:
                source = archive.extractfile(member) if member.isreg() else None
                if source is None or manifest is not None:
                    raise DataLoss(f"the backup holds what no backup holds: {member.name!r}")
                if member.name == MANIFEST:
                    manifest = Manifest.decode(source.read(_MAX_MANIFEST))
                else:
                    found[member.name] = _copy(source, _place(into, member.name))
                    advance(member.size)
    except tarfile.TarError:
        raise DataLoss(f"{file} is no backup, or is damaged") from None
    if manifest is None:
        raise DataLoss("the backup is incomplete: it has no manifest")
    _compare(manifest.entries, found)
    return manifest


def _place(into: Path, name: str) -> Path:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise DataLoss(f"the backup names a file outside of the folder: {name!r}")
    target = into / path
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def _copy(source: IO[bytes], target: Path) -> tuple[int, str]:
    """Writes a file that is not there yet; returns its size and sha256."""
    digest, size = hashlib.sha256(), 0
    with target.open("xb") as file:
        while chunk := source.read(CHUNK):
            file.write(chunk)
            digest.update(chunk)
            size += len(chunk)
    return size, digest.hexdigest()


def _compare(entries: tuple[Entry, ...], found: dict[str, tuple[int, str]]) -> None:
    for entry in entries:
        if found.pop(entry.path, None) != (entry.size, entry.sha256):
            raise DataLoss(f"the backup is damaged: {entry.path} is not what was backed up")
    if found:
        raise DataLoss(f"the backup holds what its manifest does not name: {min(found)!r}")


def _replace(data: Path, fresh: Path) -> None:
    if not data.exists():
        fresh.rename(data)
        return
    old = data.with_name(f".{data.name}-{uuid.uuid4().hex}")
    data.rename(old)
    try:
        fresh.rename(data)
    except OSError:
        old.rename(data)
        raise
    shutil.rmtree(old)
