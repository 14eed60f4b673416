"""An MCP server on the SDK: `python good.py` over its pipes, `python good.py PORT` at a port of this machine.

A program of its own, so nothing of the library is imported.
"""

import asyncio
import base64
import os
import sys

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import AudioContent, ImageContent, TextContent, ToolAnnotations

server = MCPServer("good")
calls: list[str] = []


@server.tool(annotations=ToolAnnotations(read_only_hint=True), structured_output=False)
def add(a: int, b: int = 1) -> str:
    """Adds two whole numbers."""
    return str(a + b)


@server.tool(structured_output=False)
async def told(ctx: Context) -> str:
    """Tells the identity of its call, and the variables that matter."""
    meta = ctx.request_context.meta or {}
    return f"{meta.get('autoflow/call-id')} {os.environ.get('TOKEN')} {os.environ.get('UNTOLD')}"


@server.tool(structured_output=False)
async def slow(seconds: float) -> str:
    """Takes its time."""
    await asyncio.sleep(seconds)
    return "done"


@server.tool(structured_output=False)
def fail(words: str) -> str:
    """Fails."""
    raise ToolError(words)


@server.tool(structured_output=False)
def long(characters: int) -> str:
    """Says much."""
    return "x" * characters


@server.tool(structured_output=False)
def show() -> list[TextContent | ImageContent | AudioContent]:
    """Shows a text, a picture, a sound and another text."""
    data = base64.b64encode(b"picture").decode()
    return [
        TextContent(text="first"),
        ImageContent(data=data, mime_type="image/png"),
        AudioContent(data=data, mime_type="audio/wav"),
        ImageContent(data=data, mime_type="image/svg+xml"),
        TextContent(text="last"),
    ]


@server.tool(annotations=ToolAnnotations(idempotent_hint=True), structured_output=False)
def end_once(file: str) -> str:
    """Ends the server, unless the file is there, which it makes."""
    try:
        open(file, "x").close()
    except FileExistsError:
        return "still here"
    os._exit(1)


@server.tool(structured_output=False)
def end(file: str) -> str:
    """Notes that it was called, then ends the server."""
    with open(file, "a") as notes:
        notes.write("called\n")
    os._exit(1)


if len(sys.argv) > 1:
    server.run("streamable-http", port=int(sys.argv[1]))
else:
    print("good: ready", file=sys.stderr, flush=True)
    server.run("stdio")
