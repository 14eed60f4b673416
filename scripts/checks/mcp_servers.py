"""The extra `mcp`: a program that speaks MCP is a source of tools."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from autoflow.tools.assembly import Sources
from autoflow.tools.model import ToolOutput
from autoflow.tools.registry import Registry

_SERVER = """
from mcp.server.mcpserver import MCPServer

server = MCPServer("check")


@server.tool()
def twice(number: int) -> int:
    return 2 * number


server.run("stdio")
"""


def _registry(folder: Path) -> Registry:
    program, file = folder / "server.py", folder / "tools.yaml"
    program.write_text(_SERVER)
    file.write_text(f"sources: [{{name: check, mcp: {{command: {sys.executable}, args: [{program}]}}}}]\n")
    return Registry(Sources().of_file(file, {}))


async def _main(registry: Registry) -> None:
    try:
        [listed] = await registry.list_tools()
        assert [tool.name for tool in listed.tools] == ["twice"], listed
        made = await registry.call("twice", '{"number": 21}', deadline=20, call_id="check")
        assert made == ToolOutput("42"), made
    finally:
        await registry.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        asyncio.run(_main(_registry(Path(temporary))))
