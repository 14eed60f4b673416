"""An MCP server that no one here wrote: the npm reference server, over its pipes.

Skipped where it is not installed, which `make lint` does.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from autoflow.tools.model import FailureKind, ToolFailure, ToolOutput
from tests.tools.conftest import Using, children

_SERVER = Path(__file__).parents[2] / "node_modules/@modelcontextprotocol/server-everything/dist/index.js"

pytestmark = pytest.mark.skipif(
    shutil.which("node") is None or not _SERVER.is_file(),
    reason="needs node and the server, which `make lint` installs",
)


async def test_it_is_listed_and_called(using: Using) -> None:
    before = children()
    async with using(f"  - {{name: everything, mcp: {{command: node, args: ['{_SERVER}']}}}}\n") as registry:
        [listed] = await registry.list_tools()
        assert listed.unavailable == ""
        tools = {tool.name: tool for tool in listed.tools}
        assert {"echo", "get-sum", "get-tiny-image", "get-structured-content"} <= tools.keys()
        assert tools["echo"].idempotent
        assert not tools["toggle-simulated-logging"].idempotent

        async def call(name: str, arguments: str) -> object:
            return await registry.call(name, arguments, deadline=20, call_id="x/1")

        assert await call("echo", '{"message": "a, b"}') == ToolOutput("Echo: a, b")
        assert await call("get-sum", '{"a": 2, "b": 3.5}') == ToolOutput("The sum of 2 and 3.5 is 5.5.")
        wrong = await call("get-sum", '{"a": 2, "b": "3"}')
        assert wrong == ToolFailure(
            'the arguments are wrong: b: "3" does not fit; allowed is: type "number"',
            FailureKind.INVALID_ARGUMENTS,
        )
        picture = await call("get-tiny-image", "{}")
        assert isinstance(picture, ToolOutput)
        assert picture.text.splitlines() == [
            "Here's the image you requested:",
            "The image above is the MCP logo.",
        ]
        assert [image[:4] for image in picture.images] == [b"\x89PNG"]
        weather = await call("get-structured-content", '{"location": "Chicago"}')
        assert isinstance(weather, ToolOutput)
        assert '"temperature"' in weather.text
        links = await call("get-resource-links", '{"count": 1}')
        assert isinstance(links, ToolOutput)
        assert "[left out: a link to " in links.text
    assert children() <= before
