"""Keeps two commands from working in the same folder of state at a time.

The lock is the system's own, on a file of the folder: it ends with the process that holds it, however that
ends, so a command that was killed stands in nobody's way. The file tells who holds it, and stays.

Left out: any wait for the other one. It does not protect against a command on another machine whose file
system does not share locks, nor against services that were started one by one. POSIX only.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autoflow.cli.exits import CommandFailed, ExitCode

_FILE = "lock"


@contextmanager
def sole_use(folder: Path, option: str) -> Iterator[None]:
    """Holds a folder for the length of the block; makes it where it is not there.

    Args:
        folder: what services in this process keep their state in.
        option: by which another folder is named, such as `--data`.

    Raises:
        CommandFailed: another command holds it.
        OSError: it cannot be made, or its file system has no locks.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # Appending: the holder's name must outlast an attempt to take its place.
    with (folder / _FILE).open("a+", encoding="ascii", errors="replace") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise CommandFailed(_busy(folder, file.read(20), option), ExitCode.USAGE) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _busy(folder: Path, holder: str, option: str) -> str:
    # It has not written its name yet where it came just now.
    process = f"process {holder}" if holder.isdecimal() else "another process"
    return f"{process} is at work in {folder}: wait for its end, or name another folder by {option}"
