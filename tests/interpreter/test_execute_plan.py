"""ExecutePlan over real channels, with providers of tools that are servers of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import grpc
import pytest

from autoflow.client import Client, errors
from autoflow.client.interpreter import InterpreterClient
from autoflow.convert import tool_to_proto
from autoflow.errors import ResourceExhausted
from autoflow.server import Endpoint, Service
from autoflow.suites import ContentType, Tool
from autoflow.testing import catalogue_of, serving
from autoflow.v1 import interpreter_service_pb2 as pb
from autoflow.v1 import tool_service_pb2 as tools_pb
from autoflow.v1.task_pb2 import CONTENT_TYPE_IMAGE, CONTENT_TYPE_TEXT, Content
from autoflow.v1.tool_service_pb2_grpc import ToolServiceServicer, add_ToolServiceServicer_to_server
from autoflow_interpreter import build

IMAGE, TEXT = ContentType.IMAGE, ContentType.TEXT
LOUDER = Tool("Louder", "makes a text louder", (TEXT,), TEXT)
DRAW = Tool("Draw", "draws a text", (TEXT,), IMAGE)


class Provider(ToolServiceServicer):
    """Marks what its tools have done with its own name."""

    def __init__(self, name: str, *tools: Tool, busy: bool = False, forgets: bool = False) -> None:
        self._name = name
        self._tools = tools
        self._busy = busy
        self._forgets = forgets

    @property
    def service(self) -> Service:
        register = partial(add_ToolServiceServicer_to_server, self)
        return Service("provider", (Endpoint("autoflow.v1.ToolService", register),))

    async def ListTools(
        self, request: tools_pb.ListToolsRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> tools_pb.ListToolsResponse:
        return tools_pb.ListToolsResponse(tools=[tool_to_proto(tool) for tool in self._tools])

    async def CallTool(
        self, request: tools_pb.CallToolRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> tools_pb.CallToolResponse:
        if self._busy:
            raise ResourceExhausted("too much to do", retry_after=0.01)
        results = [self._result(request.tool, sample.inputs[0].text) for sample in request.samples]
        return tools_pb.CallToolResponse(results=results[1:] if self._forgets else results)

    def _result(self, tool: str, text: str) -> tools_pb.ToolResult:
        if text == "silence":
            return tools_pb.ToolResult(failure=tools_pb.ToolFailure(message="there is nothing to do"))
        done = f"{self._name}: {text}!"
        output = Content(image=done.encode()) if tool == "Draw" else Content(text=done)
        return tools_pb.ToolResult(output=output)


@asynccontextmanager
async def interpreting(*providers: Provider, away: bool = False) -> AsyncIterator[InterpreterClient]:
    async with AsyncExitStack() as stack:
        addresses = [await stack.enter_async_context(serving(provider.service)) for provider in providers]
        if away:
            addresses.append("127.0.0.1:1")
        env = {"AUTOFLOW_TOOL_PROVIDERS": ", ".join(addresses)}
        address = await stack.enter_async_context(serving(build(env, catalogue_of())))
        client = await stack.enter_async_context(Client(interpreter=address))
        yield client.interpreter


def request(plan: str, *texts: str, output: Any = CONTENT_TYPE_TEXT) -> pb.ExecutePlanRequest:
    samples = [tools_pb.ToolSample(inputs=[Content(text=text)]) for text in texts]
    return pb.ExecutePlanRequest(plan=plan, samples=samples, output=output)


async def test_a_plan_goes_through_the_tools_of_several_providers() -> None:
    async with interpreting(Provider("a", LOUDER), Provider("b", DRAW)) as client:
        response = await client.execute_plan(
            request("1. louder\n2. draw it", "hush", "silence", output=CONTENT_TYPE_IMAGE)
        )

    assert response.outcome == pb.PLAN_OUTCOME_EXECUTED
    assert response.results[0].output.image == b"b: a: hush!!"
    assert response.results[1].failure == pb.PlanFailure(
        step=0, tool="Louder", message="there is nothing to do"
    )
    assert [(match.said, match.tool) for match in response.matches] == [
        ("1. louder", "Louder"),
        ("2. draw it", "Draw"),
    ]
    assert response.matches[0].kind == pb.TOOL_MATCH_KIND_NAME


async def test_the_first_provider_of_a_tool_has_it() -> None:
    async with interpreting(Provider("a", LOUDER), Provider("b", LOUDER, DRAW)) as client:
        response = await client.execute_plan(request("Louder", "hush"))

    assert response.results[0].output.text == "a: hush!"


async def test_a_plan_that_cannot_be_executed_says_why() -> None:
    async with interpreting(Provider("a", LOUDER, DRAW)) as client:
        unknown = await client.execute_plan(request("Shrink", "hush"))
        unfit = await client.execute_plan(request("Draw, Louder", "hush"))
        empty = await client.execute_plan(request("", "hush"))

    assert unknown.outcome == pb.PLAN_OUTCOME_UNKNOWN_TOOL
    assert "the nearest are" in unknown.detail
    assert unfit.outcome == pb.PLAN_OUTCOME_TYPES_DO_NOT_FIT
    assert [match.tool for match in unfit.matches] == ["Draw", "Louder"]
    assert empty.outcome == pb.PLAN_OUTCOME_NO_PLAN
    for response in (unknown, unfit, empty):
        assert not response.results


async def test_samples_of_two_kinds_are_refused() -> None:
    asked = request("Louder", "hush")
    asked.samples.add(inputs=[Content(image=b"picture")])
    async with interpreting(Provider("a", LOUDER)) as client:
        with pytest.raises(errors.InvalidArgument) as refused:
            await client.execute_plan(asked)

    assert [violation.field for violation in refused.value.details.violations] == ["samples[1].inputs"]


async def test_without_providers_nothing_can_be_executed() -> None:
    async with interpreting() as client:
        with pytest.raises(errors.FailedPrecondition, match="AUTOFLOW_TOOL_PROVIDERS"):
            await client.execute_plan(request("Louder", "hush"))


async def test_a_provider_that_is_away_is_no_fault_of_the_plan() -> None:
    async with interpreting(Provider("a", LOUDER), away=True) as client:
        with pytest.raises(errors.Unavailable):
            await client.execute_plan(request("Louder", "hush"), timeout=20)


async def test_a_provider_with_too_much_to_do_is_told_of_with_a_hint() -> None:
    async with interpreting(Provider("a", LOUDER, busy=True)) as client:
        with pytest.raises(errors.ResourceExhausted) as refused:
            await client.execute_plan(request("Louder", "hush"), timeout=20)

    assert refused.value.details.retry_after is not None


async def test_a_provider_that_leaves_samples_out_is_not_believed() -> None:
    async with interpreting(Provider("a", LOUDER, forgets=True)) as client:
        with pytest.raises(errors.Unavailable, match="1 results for 2 samples"):
            await client.execute_plan(request("Louder", "hush", "hush"), timeout=20)
