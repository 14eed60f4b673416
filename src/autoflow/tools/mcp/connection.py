"""Keeps one connection to an MCP server: opened when it is first needed, and anew when it has ended.

A server that keeps ending is waited for, twice as long each time, before it is tried again. Whoever asks
meanwhile is told so and does not wait.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from mcp import Client, MCPError
from mcp.client import IncomingMessage, Transport
from mcp.types import Implementation, ToolListChangedNotification

from autoflow import __version__
from autoflow.errors import Unavailable

START_SECONDS = 20.0
"""That a server has to start and to greet."""
_CLOSE_SECONDS = 10.0
_FIRST_WAIT, _LONGEST_WAIT = 0.2, 30.0
_PATIENCE = 0.5
"""Seconds that are waited for the next attempt; who would wait longer is told."""
_SOUND = 30.0
"""Seconds after which a connection counts as one that held."""

_log = logging.getLogger(__name__)

Open = Callable[[asyncio.Event], Transport]
"""Makes a transport; it sets the event when it has ended by itself."""


class Connection:
    """A connection that comes back.

    Args:
        source: the server's name in the settings; for errors and the log.
        open: makes a transport.
        on_change: called when the server says that its tools have changed.
    """

    def __init__(self, source: str, open: Open, on_change: Callable[[], None]) -> None:
        self._source = source
        self._open = open
        self._on_change = on_change
        self._current: _Run | None = None
        self._waits = 0
        self._not_before = 0.0
        self._closed = False

    async def client(self) -> Client:
        """The SDK's client, connected.

        Raises:
            Unavailable: the server cannot be reached, or is not to be tried again yet.
        """
        if self._current is None or self._current.over:
            await self._come_back()
        # Several that wait for one start share it, and none that gives up ends it for the others.
        assert self._current is not None
        run = self._current
        try:
            return await asyncio.shield(run.ready)
        except (Exception, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and not run.ready.cancelled():
                raise
            raise Unavailable(f"the MCP server {self._source} cannot be reached") from error

    def drop(self) -> None:
        """Ends the connection; the next who needs one opens it anew."""
        if self._current is not None:
            self._current.stop.set()

    async def close(self) -> None:
        """Ends the connection for good, and the server with it where it is a child."""
        self._closed = True
        if self._current is None:
            return
        self._current.stop.set()
        task = self._current.task
        # One that still starts does not see that it is to stop.
        held = self._current.ready.done()
        if not held or not (await asyncio.wait([task], timeout=_CLOSE_SECONDS))[0]:
            task.cancel()
            await asyncio.wait([task], timeout=_CLOSE_SECONDS)

    async def _come_back(self) -> None:
        if self._closed:
            raise Unavailable(f"the MCP server {self._source} is not connected any more")
        left = self._not_before - time.monotonic()
        if left > _PATIENCE:
            raise Unavailable(f"the MCP server {self._source} is away; it is tried again in {left:.0f} s")
        if left > 0:
            await asyncio.sleep(left)
        # Another may have come back meanwhile.
        if self._current is None or self._current.over:
            self._current = _Run(self._hold)

    async def _hold(self, run: _Run) -> None:
        """Opens a connection, and holds it until it ends or is to be ended."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(START_SECONDS) as start:
                async with Client(
                    self._open(run.ended),
                    cache=None,
                    client_info=Implementation(name="autoflow", version=__version__),
                    message_handler=self._told,
                ) as client:
                    start.reschedule(None)
                    run.ready.set_result(client)
                    await run.end()
        except Exception as error:
            # The SDK's groups of errors say little in their own words.
            _log.warning("MCP server %s: %s", self._source, _words(error))
            if not run.ready.done():
                run.ready.set_exception(ConnectionError("it did not start"))
        finally:
            if not run.ready.done():
                run.ready.cancel()
            self._wait_longer(time.monotonic() - began)

    def _wait_longer(self, held: float) -> None:
        self._waits = 0 if held >= _SOUND else self._waits + 1
        pause = min(_FIRST_WAIT * 2 ** (self._waits - 1), _LONGEST_WAIT) if self._waits else 0.0
        self._not_before = time.monotonic() + pause

    async def _told(self, message: IncomingMessage) -> None:
        if isinstance(message, ToolListChangedNotification):
            self._on_change()


class _Run:
    """One connection, in a task of its own: the SDK wants it closed where it was opened."""

    def __init__(self, hold: Callable[[_Run], Any]) -> None:
        self.ready: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
        self.stop = asyncio.Event()
        self.ended = asyncio.Event()
        self.task: asyncio.Task[None] = asyncio.create_task(hold(self))
        # Not every one is waited for.
        self.ready.add_done_callback(lambda ready: ready.cancelled() or ready.exception())

    @property
    def over(self) -> bool:
        """Whether it can be used no more."""
        return self.task.done() or self.stop.is_set() or self.ended.is_set()

    async def end(self) -> None:
        """Returns when it is to be ended, or has ended by itself."""
        waits = [asyncio.create_task(event.wait()) for event in (self.stop, self.ended)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


def _words(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, TimeoutError):
        return f"it did not greet within {START_SECONDS:g} s"
    # Other words of the SDK and of HTTP may hold what was sent.
    return error.message[:200] if isinstance(error, MCPError) else type(error).__name__
