"""The source of the tools that are built in."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

from autoflow.suites import Tool
from autoflow.tools.model import Listing, SourceKind, ToolCall, ToolFailure, ToolOutput, ToolResult


class CannotDo(Exception):
    """A tool cannot do what it was asked; the message says why, for the model."""


class BuiltInTool(Protocol):
    """A tool of this process."""

    @property
    def tool(self) -> Tool:
        """What it is."""

    def __call__(self, **arguments: Any) -> str:
        """Does it. Bounded in time and memory; blocks.

        Args:
            arguments: by its schema.

        Raises:
            CannotDo: it cannot.
        """


class BuiltIn:
    """Some tools of this process; see `Source`.

    Args:
        name: of the source.
        tools: what it has.
    """

    kind = SourceKind.BUILT_IN

    def __init__(self, name: str, tools: Sequence[BuiltInTool]) -> None:
        self.name = name
        self._tools = {tool.tool.name: tool for tool in tools}

    async def listing(self) -> Listing:
        """Its tools."""
        return Listing(tuple(tool.tool for tool in self._tools.values()))

    async def call(self, call: ToolCall) -> ToolResult:
        """Calls one, in a thread: some take a while."""
        try:
            return ToolOutput(await asyncio.to_thread(self._tools[call.tool], **call.arguments))
        except CannotDo as error:
            return ToolFailure(str(error))

    async def close(self) -> None:
        """Holds nothing."""
