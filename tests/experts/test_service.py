"""The service as it is built, over a real channel."""

from __future__ import annotations

from autoflow.client import Client
from autoflow.convert import tool_from_proto
from autoflow.suites.planning import TOOLS
from autoflow.suites.scenes import caption, scene
from autoflow.testing import serving
from autoflow.v1.task_pb2 import Content
from autoflow.v1.tool_service_pb2 import CallToolRequest, ListToolsRequest, ToolSample
from autoflow_experts import build
from tests.experts.tools import shown


async def test_it_has_the_tools_of_the_suite() -> None:
    async with serving(build({})) as address, Client(experts=address) as client:
        listed = (await client.experts.list_tools(ListToolsRequest())).tools
    assert tuple(map(tool_from_proto, listed)) == TOOLS


async def test_a_picture_that_cannot_be_used_is_a_failure_of_its_sample() -> None:
    pictures = [shown(scene(15)), b"no picture", shown(scene(15))[:-40]]
    request = CallToolRequest(
        tool="Image Captioning", samples=[ToolSample(inputs=[Content(image=one)]) for one in pictures]
    )
    async with serving(build({})) as address, Client(experts=address) as client:
        results = (await client.experts.call_tool(request)).results
    assert [result.output.text for result in results] == [caption(scene(15)), "", ""]
    assert [result.failure.message for result in results] == [
        "",
        "the picture cannot be used: it cannot be read as PNG, JPEG, WEBP, BMP or GIF",
        "the picture cannot be used: its pixels are damaged or cut off",
    ]


async def test_a_picture_beyond_the_limit_is_a_failure() -> None:
    request = CallToolRequest(
        tool="Image Captioning", samples=[ToolSample(inputs=[Content(image=shown(scene(15)))])]
    )
    service = build({"AUTOFLOW_EXPERTS_MAX_PIXELS": "1000"})
    async with serving(service) as address, Client(experts=address) as client:
        [result] = (await client.experts.call_tool(request)).results
    assert "128 x 128 pixels, but at most 1000 pixels" in result.failure.message
