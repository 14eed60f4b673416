"""The events of an execution that this server holds, for those who watch it here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

from autoflow.errors import Unavailable


class Live:
    """Stored events, in memory for as long as somebody may want them.

    Args:
        execution_id: of which execution.
        first: the sequence of the first event that it will hold.
    """

    def __init__(self, execution_id: str, first: int) -> None:
        self.execution_id = execution_id
        self.first = first
        self._payloads: list[bytes] = []
        self._ended = False
        self._failure: str | None = None
        self._changed = asyncio.Event()

    @property
    def next(self) -> int:
        """The sequence of the next event."""
        return self.first + len(self._payloads)

    def show(self, payloads: Sequence[bytes]) -> None:
        """Shows events, which are stored."""
        self._payloads += payloads
        self._tell()

    def fail(self, reason: str) -> None:
        """Nothing more can be stored, or nobody knows what is; those who watch are told why."""
        self._failure = reason
        self.end()

    def end(self) -> None:
        """Nothing more comes."""
        self._ended = True
        self._tell()

    async def tail(self, start: int) -> AsyncGenerator[bytes]:
        """Events from a sequence on, those that were and those to come, until nothing more comes.

        Args:
            start: at least `first`.

        Raises:
            Unavailable: something failed.
        """
        while True:
            changed = self._changed
            while start < self.next:
                yield self._payloads[start - self.first]
                start += 1
            if self._failure is not None:
                raise Unavailable(self._failure)
            if self._ended:
                return
            await changed.wait()

    def _tell(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
