"""The travel tools behind ToolService: over a channel, through the registry that steps call tools by."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
import pytest_asyncio

from autoflow.suites.travel import TRAVEL_TOOLS
from autoflow.testing import serving
from autoflow.tools.assembly import Sources
from autoflow.tools.model import FailureKind, ToolFailure, ToolOutput, ToolResult
from autoflow.tools.registry import Registry
from autoflow.tools.travel import build
from autoflow.v1.task_pb2 import Content
from autoflow.v1.tool_service_pb2 import CallToolRequest, CallToolResponse, ListToolsRequest, ToolSample
from autoflow.v1.tool_service_pb2_grpc import ToolServiceStub
from tests.suites.travel.country import DATABASE

_TOOLS = {tool.name: tool for tool in TRAVEL_TOOLS}
_JOURNEY = {"origin": "Cranefield", "destination": "Coldwick"}
_ASKED = {
    "city_search": {"state": "Eskland"},
    "flight_search": _JOURNEY | {"date": "2027-05-21"},
    "distance": _JOURNEY,
    "accommodation_search": {"city": "Coldwick"},
    "restaurant_search": {"city": "Coldwick"},
    "attraction_search": {"city": "Coldwick"},
}


@pytest_asyncio.fixture
async def address() -> AsyncIterator[str]:
    async with serving(build({})) as address:
        yield address


@pytest_asyncio.fixture
async def registry(address: str, tmp_path: Path) -> AsyncIterator[Registry]:
    file = tmp_path / "tools.yaml"
    file.write_text(f'sources:\n  - {{name: travel, tool_service: {{address: "{address}"}}}}\n')
    registry = Registry(Sources().of_file(file, {}))
    yield registry
    await registry.close()


async def call(registry: Registry, name: str, arguments: object) -> ToolResult:
    return await registry.call(name, json.dumps(arguments), deadline=20, call_id="test/1")


async def test_the_registry_lists_all_six_for_steps(registry: Registry) -> None:
    [listed] = await registry.list_tools()
    assert (listed.name, listed.unavailable) == ("travel", "")
    assert list(listed.tools) == sorted((tool.tool for tool in TRAVEL_TOOLS), key=lambda tool: tool.name)
    for tool in listed.tools:
        assert json.loads(tool.arguments_schema) == _TOOLS[tool.name].schema
        assert tool.idempotent


async def test_a_call_brings_what_the_tool_finds(registry: Registry) -> None:
    for tool in TRAVEL_TOOLS:
        found = await call(registry, tool.name, _ASKED[tool.name])
        assert found == ToolOutput(tool.call(DATABASE, _ASKED[tool.name])), tool.name
        assert found.text.count("\n") >= 3, tool.name


async def test_what_a_tool_cannot_find_is_an_observation(registry: Registry) -> None:
    for name, arguments, words in (
        ("restaurant_search", {"city": "Coldwich"}, "no city is named 'Coldwich'; similar names: Coldwick"),
        ("distance", _JOURNEY | {"origin": "Eskland"}, "Eskland is a state; city_search lists its cities"),
        ("city_search", {"state": "Coldwick"}, "Coldwick is a city, in the state Eskland"),
        ("flight_search", _JOURNEY | {"date": "2026-05-21"}, "flights are known from 2027-05-01 to"),
        ("distance", _JOURNEY | {"origin": "coldwick "}, "origin and destination are the same city"),
    ):
        failed = await call(registry, name, arguments)
        assert isinstance(failed, ToolFailure), name
        assert failed.kind is FailureKind.FAILED, name
        assert words in failed.message


async def test_wrong_arguments_never_reach_the_server(registry: Registry) -> None:
    for tool in TRAVEL_TOOLS:
        right = _ASKED[tool.name]
        first = next(iter(right))
        for wrong in ({}, right | {"size": "3"}, right | {first: 7}, right | {first: ""}, [right]):
            failed = await call(registry, tool.name, wrong)
            assert isinstance(failed, ToolFailure), (tool.name, wrong)
            assert failed.kind is FailureKind.INVALID_ARGUMENTS, (tool.name, wrong)


async def test_calls_side_by_side_do_not_mix(registry: Registry) -> None:
    cities = [city.name for city in DATABASE.cities]
    names = ("accommodation_search", "restaurant_search", "attraction_search")
    asked = [(name, {"city": city}) for city in cities for name in names]
    async with asyncio.timeout(60):
        found = await asyncio.gather(*(call(registry, *one) for one in asked))
    assert found == [ToolOutput(_TOOLS[name].call(DATABASE, arguments)) for name, arguments in asked]
    assert len(asked) > 100


async def test_a_caller_that_judges_nothing_is_judged(address: str) -> None:
    async with grpc.aio.insecure_channel(address) as channel:
        stub = ToolServiceStub(channel)
        names = [tool.name for tool in (await stub.ListTools(ListToolsRequest(), timeout=20)).tools]
        assert names == sorted(_TOOLS)

        async def apply(tool: str, *texts: str) -> CallToolResponse:
            samples = [ToolSample(inputs=[Content(text=text)]) for text in texts]
            response: CallToolResponse = await stub.CallTool(
                CallToolRequest(tool=tool, samples=samples), timeout=20
            )
            return response

        many = await apply("distance", json.dumps(_JOURNEY), "{}", "Cranefield, Coldwick")
        found, empty, text = many.results
        assert found.output.text == _TOOLS["distance"].call(DATABASE, _JOURNEY)
        assert "'origin' is a required property" in empty.failure.message
        assert "the arguments are not JSON" in text.failure.message

        for request, code in (
            (CallToolRequest(tool="trains", samples=[_sample("{}")]), grpc.StatusCode.NOT_FOUND),
            (
                CallToolRequest(tool="distance", samples=[_sample("{}", "{}")]),
                grpc.StatusCode.INVALID_ARGUMENT,
            ),
            (
                CallToolRequest(tool="distance", samples=[ToolSample(inputs=[Content(image=b"\x89PNG")])]),
                grpc.StatusCode.INVALID_ARGUMENT,
            ),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stub.CallTool(request, timeout=20)
            assert refused.value.code() is code


def _sample(*texts: str) -> ToolSample:
    return ToolSample(inputs=[Content(text=text) for text in texts])


def test_the_module_is_a_server() -> None:
    server = subprocess.Popen(
        [sys.executable, "-m", "autoflow.tools.travel"],
        env=os.environ | {"AUTOFLOW_ADDRESS": "127.0.0.1:0"},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stderr is not None
        serves = next(line for line in map(json.loads, server.stderr) if line["event"] == "serving")
        with grpc.insecure_channel(serves["address"]) as channel:
            listed = ToolServiceStub(channel).ListTools(ListToolsRequest(), timeout=20)
        assert len(listed.tools) == 6
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=20) == 0
    finally:
        server.kill()
        server.communicate()
