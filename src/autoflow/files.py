"""Files that are there as a whole or not at all, also after a crash or the loss of power.

A file is written beside its place and takes it by a rename; file and folder are brought to the disk before
that counts as done. Left out: hard links, which go on naming the old file.
"""

from __future__ import annotations

import errno
import os
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replacing(target: Path, mode: int = 0o666) -> Iterator[BinaryIO]:
    """Writes a file that takes its place when the block ends well; else nothing has changed.

    While it is written its name begins with a dot. What is replaced hands down its mode, and its owner where
    that is allowed.

    Args:
        target: the file; a link itself is replaced, not what it names.
        mode: of a new file, less what the process' mask takes away.

    Yields:
        The file to write to.

    Raises:
        OSError: it cannot be written.
    """
    fresh = target.with_name(f".{uuid.uuid4().hex}")
    try:
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            with suppress(FileNotFoundError):
                _hand_down(target.stat(), file.fileno())
            yield file
            file.flush()
            # Else a crash might leave the name without the bytes.
            os.fsync(file.fileno())
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)
    _sync(target.parent)


def make_folder(folder: Path) -> None:
    """Makes a folder, and those above it that are not there.

    Raises:
        OSError: it cannot be made.
    """
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync(folder.parent)


def sync_tree(folder: Path) -> None:
    """Brings a folder with all that is in it to the disk, though not its own name.

    Raises:
        OSError: it cannot be read or written.
    """
    for path in folder.rglob("*"):
        _sync(path)
    _sync(folder)


def _hand_down(old: os.stat_result, new: int) -> None:
    with suppress(PermissionError):
        os.fchown(new, old.st_uid, old.st_gid)
    os.fchmod(new, stat.S_IMODE(old.st_mode))


def _sync(path: Path) -> None:
    """Brings a file, or the names in a folder, to the disk."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    except OSError as error:
        # Some file systems have nothing to do for a folder, and say so like this.
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(opened)
