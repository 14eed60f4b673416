"""Makes the source of an MCP server that the file of sources names."""

from __future__ import annotations

import asyncio

from mcp.client import Transport

from autoflow.tools.file import ReadSource
from autoflow.tools.mcp import http, stdio
from autoflow.tools.mcp.source import McpSource


def mcp_source(read: ReadSource, *, calls: int) -> McpSource:
    """The source of a server; nothing is started or connected yet.

    Args:
        read: what the file says, and the secrets that it refers to.
        calls: calls under way at most.
    """
    entry = read.entry.mcp
    assert entry is not None

    def open(ended: asyncio.Event) -> Transport:
        if entry.command is not None:
            program = stdio.Program(read.entry.name, entry.command, entry.args, read.secrets)
            return stdio.running(program, ended)
        assert entry.url is not None
        return http.connected(entry.url, read.secrets)

    return McpSource(read.entry.name, open, calls=calls, only=read.entry.tools)
