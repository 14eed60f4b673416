"""Commits the events of many executions together.

A commit costs about the same for one event and for hundreds: most of it is the wait for the disk. So one task
takes everything that waits, commits it in one transaction, and meanwhile the next batch gathers; an append
waits for the commit under way and for its own. Nothing is acknowledged before it is durable.

Left out: what is in memory when the process is killed. Nobody was told that it is stored.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from autoflow.errors import Unavailable
from autoflow_interpreter.executions.model import Append, Appended

_LOG = logging.getLogger(__name__)

_FIRST_PAUSE = 0.05
"""Seconds before a batch is tried again; doubled each time."""
_LONGEST_PAUSE = 1.0


class Appending(Protocol):
    """What stores batches; `ExecutionStore` does."""

    async def append(self, batch: Sequence[Append], /) -> list[Appended]:
        """Stores a batch in one transaction; the same one may come again."""


@dataclass(slots=True)
class _Waiting:
    append: Append
    answer: asyncio.Future[Appended]

    def tell(self, result: Appended | BaseException) -> None:
        # Whoever waited may have been cancelled.
        if self.answer.done():
            return
        if isinstance(result, BaseException):
            self.answer.set_exception(result)
        else:
            self.answer.set_result(result)


class GroupWriter:
    """Commits appends in groups.

    Args:
        store: where they are stored.
        linger: seconds that a batch gathers at least; 0 means as long as the commit before it takes.
        most: appends of a batch.
        patience: seconds for which a batch is tried while the database is away.
    """

    def __init__(
        self, store: Appending, *, linger: float = 0.0, most: int = 512, patience: float = 30.0
    ) -> None:
        self._store = store
        self._linger = linger
        self._most = most
        self._patience = patience
        self._queue: deque[_Waiting] = deque()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closing = False

    def start(self) -> None:
        """Begins to write."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="executions-writer")

    async def close(self) -> None:
        """Writes what waits, and ends. Takes at most the patience, and a try."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            # Whoever waits for an answer gets one, be it that nobody waits for the end.
            await asyncio.shield(self._task)

    async def write(self, append: Append) -> Appended:
        """Stores an append; it is durable when this returns.

        One that was begun is stored even where the caller is cancelled. Appends of one execution are stored
        in the order of their calls.

        Raises:
            Unavailable: the database is away, or the service stops; the append is stored or it is not, and
                may come again.
        """
        if self._closing or self._task is None:
            raise Unavailable("the service stops")
        waiting = _Waiting(append, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        self._wake.set()
        return await waiting.answer

    async def _run(self) -> None:
        while self._queue or not self._closing:
            self._wake.clear()
            if not self._queue:
                await self._wake.wait()
                continue
            if self._linger and not self._closing:
                await asyncio.sleep(self._linger)
            batch = [self._queue.popleft() for _ in range(min(self._most, len(self._queue)))]
            await self._commit(batch)

    async def _commit(self, batch: Sequence[_Waiting]) -> None:
        try:
            results = await self._append([waiting.append for waiting in batch])
        except Unavailable as error:
            # An execution's later appends would not fit without this one.
            for waiting in (*batch, *self._queue):
                waiting.tell(Unavailable(error.message))
            self._queue.clear()
        except Exception as error:
            if len(batch) == 1:
                _LOG.exception("an append of %s failed", batch[0].append.execution_id)
                batch[0].tell(error)
                return
            # One that cannot be stored must not take the others with it.
            for waiting in batch:
                await self._commit([waiting])
        else:
            for waiting, result in zip(batch, results, strict=True):
                waiting.tell(result)

    async def _append(self, batch: Sequence[Append]) -> list[Appended]:
        """Tries until the database is there or patience is at its end."""
        end, pause = time.monotonic() + self._patience, _FIRST_PAUSE
        while True:
            try:
                return await self._store.append(batch)
            except Unavailable:
                if time.monotonic() + pause > end:
                    raise
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
