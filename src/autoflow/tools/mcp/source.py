"""An MCP server as a source of tools.

Its list of tools is remembered for a while, and asked for again beside whoever needs it, so that a server
that hangs keeps nobody waiting for long. A server is not trusted to keep its contract: tools that break ours
are passed over, only so many are taken, and answers that break it are Unavailable.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable
from typing import cast

from mcp import Client, MCPError, types
from pydantic import ValidationError

from autoflow.errors import Unavailable
from autoflow.suites import Tool
from autoflow.tools.mcp.connection import Connection, Open
from autoflow.tools.mcp.results import result_of, tool_of
from autoflow.tools.model import Listing, SourceKind, ToolCall, ToolFailure, ToolResult
from autoflow.tools.soundness import tool_problem

CALL_ID = "autoflow/call-id"
"""The name of a call's identity in its `_meta`."""
MOST_TOOLS = 256
"""That are taken of one server."""
_MOST_PAGES = 64
_MOST_LISTED_CHARACTERS = 2**20
"""Of the names, descriptions and schemas of one server's tools together."""
_REMEMBERED = 30.0
"""Seconds that a list of tools is good for."""
_ASK_AGAIN = 0.5
_PATIENCE = 10.0
"""Seconds that the first list of a server is waited for, counted from when it was asked for."""
_SHORT_PATIENCE = 1.0
"""The same where an older list is at hand."""
_LIST_SECONDS = 30.0
_MOST_SILENCE = 3
"""Calls one after the other that were given up unanswered; then the connection is made anew."""

_log = logging.getLogger(__name__)


class McpSource:
    """One MCP server; see `Source`.

    Args:
        name: its name in the settings.
        open: makes a transport to it.
        calls: calls under way at most; further ones wait.
        only: names of the tools that are taken of it; None: all.
    """

    kind = SourceKind.MCP

    def __init__(self, name: str, open: Open, *, calls: int, only: frozenset[str] | None = None) -> None:
        self.name = name
        self._only = only
        self._connection = Connection(name, open, self._changed)
        self._slots = asyncio.Semaphore(calls)
        self._tools: tuple[Tool, ...] | None = None
        self._unavailable = "it has not named its tools yet"
        self._good_until = 0.0
        self._asking: asyncio.Task[None] | None = None
        self._asked = 0.0
        self._silent = 0

    async def listing(self) -> Listing:
        """Its tools; see `Source`."""
        now = time.monotonic()
        if (self._asking is None or self._asking.done()) and now >= self._good_until:
            self._asking, self._asked = asyncio.create_task(self._list()), now
        if self._asking is not None and not self._asking.done():
            patience = _PATIENCE if self._tools is None else _SHORT_PATIENCE
            await asyncio.wait([self._asking], timeout=max(self._asked + patience - now, 0))
        return Listing(self._tools, self._unavailable, self._only)

    async def call(self, call: ToolCall) -> ToolResult:
        """Calls a tool; see `Source`."""
        meta = cast("types.RequestParamsMeta", {CALL_ID: call.call_id})
        async with self._slots:
            client = await self._connection.client()
            try:
                # The registry's own time limit ends it first.
                result = await client.call_tool(call.tool, call.arguments, call.seconds + 1, meta=meta)
            except asyncio.CancelledError:
                self._unanswered()
                raise
            except MCPError as error:
                return self._told_apart(call.tool, error)
            except (ValidationError, RuntimeError, OSError) as error:
                # Their words may hold what the server sent.
                _log.warning("MCP server %s: %s in a call of %s", self.name, type(error).__name__, call.tool)
                raise Unavailable(f"the MCP server of {call.tool} does not keep its contract") from error
        self._silent = 0
        return result_of(result)

    async def close(self) -> None:
        """Ends the connection, and the server with it where it is a child."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait([self._asking])
        await self._connection.close()

    def _changed(self) -> None:
        self._good_until = 0.0

    def _unanswered(self) -> None:
        self._silent += 1
        if self._silent >= _MOST_SILENCE:
            _log.warning("MCP server %s left %d calls unanswered", self.name, self._silent)
            self._silent = 0
            self._connection.drop()

    def _told_apart(self, tool: str, error: MCPError) -> ToolFailure:
        """Wrong arguments are the model's doing; all else is the server's."""
        if error.code == types.INVALID_PARAMS:
            # It may also be that its tools are others than it said.
            self._good_until = 0.0
            return ToolFailure(error.message or "the tool does not take these arguments")
        if error.code == types.INVALID_REQUEST:
            # So the SDK says that the server knows the session no more.
            self._connection.drop()
        _log.warning("MCP server %s: a call of %s failed with code %d", self.name, tool, error.code)
        raise Unavailable(f"the MCP server of {tool} could not serve") from error

    async def _list(self) -> None:
        try:
            async with asyncio.timeout(_LIST_SECONDS):
                tools = await _pages(await self._connection.client())
        except (Unavailable, MCPError, ValidationError, RuntimeError, OSError) as error:
            told = isinstance(error, Unavailable)
            self._unavailable = str(error) if told else "it cannot be asked for its tools"
            self._good_until = time.monotonic() + _ASK_AGAIN
            _log.warning("MCP server %s could not be asked for its tools", self.name)
        else:
            taken = [tool for tool in tools if self._only is None or tool.name in self._only]
            self._tools = await asyncio.to_thread(self._sound, taken)
            self._unavailable = ""
            self._good_until = time.monotonic() + _REMEMBERED

    def _sound(self, tools: Iterable[types.Tool]) -> tuple[Tool, ...]:
        """Those that keep our contract, as many as are taken. Blocks."""
        found: dict[str, Tool] = {}
        size = 0
        for each in tools:
            tool = tool_of(each)
            size += len(tool.name) + len(tool.description) + len(tool.arguments_schema)
            if len(found) == MOST_TOOLS or size > _MOST_LISTED_CHARACTERS:
                _log.warning("MCP server %s has more than is taken; %d tools are", self.name, len(found))
                break
            if problem := tool_problem(tool):
                _log.warning("MCP server %s: %r is passed over: %s", self.name, tool.name[:80], problem)
            else:
                found.setdefault(tool.name, tool)
        return tuple(found.values())


async def _pages(client: Client) -> list[types.Tool]:
    tools: list[types.Tool] = []
    cursor: str | None = None
    for _ in range(_MOST_PAGES):
        page = await client.list_tools(cursor=cursor)
        tools += page.tools
        cursor = page.next_cursor
        if cursor is None:
            break
    return tools
