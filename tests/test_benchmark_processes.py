"""Benchmarks end the processes that they start."""

from __future__ import annotations

import asyncio
import signal
import sys

import pytest

from benchmarks.processes import stop

_DEADLINE = 60.0


async def started(source: str) -> asyncio.subprocess.Process:
    """A process that has come to its first output."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", source, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    await process.stdout.readline()
    return process


@pytest.mark.parametrize(
    ("source", "patience", "status"),
    [
        ("import time; print(flush=True); time.sleep(600)", _DEADLINE, -signal.SIGTERM),
        (
            "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
            "print(flush=True); time.sleep(600)",
            0.1,
            -signal.SIGKILL,
        ),
    ],
)
async def test_a_process_ends_whether_it_wants_to_or_not(source: str, patience: float, status: int) -> None:
    process = await started(source)
    async with asyncio.timeout(_DEADLINE):
        await stop(process, patience)
    assert process.returncode == status


async def test_a_process_that_has_ended_is_left_alone() -> None:
    process = await started("print(flush=True)")
    async with asyncio.timeout(_DEADLINE):
        await process.wait()
        await stop(process)
    assert process.returncode == 0
