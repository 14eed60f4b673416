"""Workers of runs inside the test's own process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

Work: TypeAlias = Callable[[str, str], Awaitable[None]]
"""What a worker does, given its run (`runs/<id>`) and its token."""


async def _nothing(run: str, token: str) -> None:
    """Ends at once, like a worker that dies before it has done anything."""


class CoroutineLauncher:
    """Runs each worker as a task of this event loop; a launcher for the trainer's `build`.

    A killed worker is a cancelled task: unlike a process, it can still act while it is being cancelled.

    Args:
        work: what workers do. Default: they end at once.
    """

    def __init__(self, work: Work = _nothing) -> None:
        self._work = work
        self.launches: list[tuple[str, str]] = []
        """Run and token of every launch, in order."""

    async def launch(self, run: str, token: str) -> CoroutineWorker:
        """Starts the worker of a run.

        Args:
            run: `runs/<id>`.
            token: the secret by which the worker proves that the run is its own.
        """
        self.launches.append((run, token))
        return CoroutineWorker(asyncio.ensure_future(self._work(run, token)))


class CoroutineWorker:
    """A worker that was started.

    Args:
        task: what it does.
    """

    def __init__(self, task: asyncio.Future[None]) -> None:
        self._task = task

    async def wait(self) -> str:
        """Returns when it has ended, with what became of it."""
        await asyncio.wait((self._task,))
        if self._task.cancelled():
            return "was killed"
        error = self._task.exception()
        return "ended" if error is None else f"failed with {error!r}"

    def terminate(self) -> None:
        """Ends it."""
        self._task.cancel()

    def kill(self) -> None:
        """Ends it."""
        self._task.cancel()
