"""Ends the processes that benchmarks start."""

from __future__ import annotations

import asyncio
import signal

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
