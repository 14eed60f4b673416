"""Ends the processes that benchmarks start, and tells how long they waited for a core."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from pathlib import Path

_PATIENCE = 30.0


async def stop(process: asyncio.subprocess.Process, patience: float = _PATIENCE) -> None:
    """Asks a process to end, and kills it if it does not.

    Args:
        process: may have ended already.
        patience: seconds that it has to end by itself.
    """
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(patience):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def waited(pid: int) -> float:
    """Seconds in which threads of a process could have run, and had no core.

    Args:
        pid: its number; threads that have ended do not count, and on a kernel without schedstat none do.
    """
    nanoseconds = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError):
            nanoseconds += int((thread / "schedstat").read_text().split()[1])
    return nanoseconds / 1e9
