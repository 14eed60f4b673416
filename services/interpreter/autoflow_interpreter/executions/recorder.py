"""Numbers the events of one execution, has them stored, and then shows them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from autoflow_interpreter.events import Event, Recorded
from autoflow_interpreter.executions.live import Live
from autoflow_interpreter.executions.model import Append, Appended, Change, NewEvent
from autoflow_interpreter.executions.writer import GroupWriter


class Codec(Protocol):
    """Events as bytes, and back."""

    def encode(self, recorded: Recorded) -> bytes:
        """An event as it is kept."""

    def decode(self, sequence: int, payload: bytes) -> Recorded | None:
        """A kept event; None for one that a newer version knows."""


class Fenced(Exception):
    """Another server holds the execution by now."""


class StoredRecorder:
    """A `Recorder` of an execution that this server holds.

    An event is stored as soon as what was taken before it is, together with all that came meanwhile; so the
    events of one instant cost one write.

    Args:
        writer: stores.
        codec: makes bytes of events.
        live: shows events once they are stored.
        token: with which the execution is held.
        wanted_cancelled: called when somebody turns out to want the execution cancelled.
        now_ns: nanoseconds since the Unix epoch.
    """

    def __init__(
        self,
        writer: GroupWriter,
        codec: Codec,
        live: Live,
        token: int,
        *,
        wanted_cancelled: Callable[[], None],
        now_ns: Callable[[], int],
    ) -> None:
        self._writer = writer
        self._codec = codec
        self._live = live
        self._token = token
        self._wanted_cancelled = wanted_cancelled
        self._now_ns = now_ns
        self._next = live.next
        self._taken: list[NewEvent] = []
        self._storing: asyncio.Task[None] | None = None

    @property
    def next(self) -> int:
        """The sequence of the next event."""
        return self._next

    def record(self, event: Event) -> None:
        """See `Recorder`."""
        time_ns = self._now_ns()
        self._taken.append(NewEvent(time_ns, self._codec.encode(Recorded(self._next, time_ns, event))))
        self._next += 1
        if self._storing is None:
            self._storing = asyncio.create_task(self._store())

    async def settle(self) -> None:
        """See `Recorder`.

        Raises:
            Fenced: another server holds the execution by now.
            Unavailable: it cannot be stored.
        """
        if self._storing is not None:
            # A caller that is cancelled takes nobody's write along.
            await asyncio.shield(self._storing)

    async def finish(self, event: Event | None, change: Change) -> Appended:
        """Stores the last event together with what becomes of the execution.

        Raises:
            Fenced: another server holds the execution by now.
            Unavailable: it cannot be stored.
        """
        await self.settle()
        if event is not None:
            time_ns = self._now_ns()
            self._taken.append(NewEvent(time_ns, self._codec.encode(Recorded(self._next, time_ns, event))))
            self._next += 1
        return await self._write(change)

    async def _store(self) -> None:
        while self._taken:
            if await self._write(None) is Appended.CANCEL_REQUESTED:
                self._wanted_cancelled()
        self._storing = None

    async def _write(self, change: Change | None) -> Appended:
        events, self._taken = self._taken, []
        first = self._next - len(events)
        stored = await self._writer.write(Append(self._live.execution_id, self._token, first, events, change))
        if stored is Appended.LOST:
            raise Fenced
        self._live.show([event.payload for event in events])
        return stored
