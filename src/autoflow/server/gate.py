"""Lets calls in: only while the service runs, and not too many at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress

from autoflow.admission import Admission
from autoflow.errors import Unavailable


class NotServing(Unavailable):
    """The service starts or stops. Its own reason tells callers that nothing else is wrong."""


class Gate:
    """Stands before every call of a service. For use in one event loop; closed at first.

    Args:
        limit: the most calls in flight.
        streams: those of them that may be streams.
    """

    def __init__(self, limit: int, streams: int) -> None:
        self._calls = Admission(limit, "calls")
        self._streams = Admission(streams, "streams")
        self._refusal = "the service is starting"
        self._in_flight = 0
        self._empty = asyncio.Event()
        self._empty.set()

    def open(self) -> None:
        """The service has started."""
        self._refusal = ""

    def close(self) -> None:
        """The service is about to stop: calls in flight go on, new ones are refused."""
        self._refusal = "the service is stopping"

    async def wait_until_empty(self, timeout: float) -> bool:
        """Waits until no call is in flight.

        Args:
            timeout: seconds at most.

        Returns:
            Whether none is.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._empty.wait()
        return self._empty.is_set()

    @contextmanager
    def enter(self, *, streams: bool) -> Iterator[None]:
        """Admits one call for the length of the block.

        Args:
            streams: whether it has a stream of requests or answers.

        Raises:
            NotServing: the service has not started yet, or is about to stop.
            ResourceExhausted: too many calls, or too many streams, are in flight.
        """
        if self._refusal:
            raise NotServing(self._refusal)
        with self._calls.enter(), self._streams.enter() if streams else nullcontext():
            self._in_flight += 1
            self._empty.clear()
            try:
                yield
            finally:
                self._in_flight -= 1
                if not self._in_flight:
                    self._empty.set()
