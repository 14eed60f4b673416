"""Calls of tools that are under way when a server is lost."""

from __future__ import annotations

import asyncio

import pytest

from autoflow.server import ServerSettings
from autoflow.testing import serving
from autoflow.v1 import interpreter_service_pb2 as pb
from tests.interpreter.kept.servers import Events, Request, begun, events_of, kinds, server, until
from tests.interpreter.kept.tool_users import (
    FUSED,
    ONE_TOOL,
    RIGHT,
    SEATS,
    STEPWISE,
    ToolUser,
    WaitingTools,
    called,
    returned,
    simple_tools,
)

BOTH = pytest.mark.parametrize("protocol", [FUSED, STEPWISE], ids=["fused", "stepwise"])


async def lost_while_called(
    url: str, tools: WaitingTools, request: pb.ExecuteWorkflowRequest, *arguments: str
) -> Events:
    """The events of an execution whose first server is lost while a tool is called."""
    tool = request.step_tools[0]
    async with serving(tools.server.service) as address:
        async with server(url, ToolUser(tool, *arguments), tools=[address]) as one:
            name = await begun(one.execute(request))
            await tools.until(calls=1)
        tools.let_through()
        async with server(url, ToolUser(tool, *arguments), tools=[address]) as other:
            return await events_of(other.watch(name))


@BOTH
async def test_a_call_that_may_be_repeated_is_made_once_more_under_its_name(
    database_url: str, request_for: Request, protocol: pb.ExecutionProtocol.ValueType
) -> None:
    tools = WaitingTools()
    request = request_for(ONE_TOOL, step_tools=["add"], protocol=protocol)
    events = await lost_while_called(database_url, tools, request, RIGHT)

    assert [call.attempt for call in called(events)] == [1, 2]
    assert len(tools.server.call_ids) == 2
    assert set(tools.server.call_ids) == {call.call_id for call in called(events)}
    assert len(set(tools.server.call_ids)) == 1
    assert [brought.output for brought in returned(events)] == ["2 and 3 make 5"]
    finished = events[-1].finished
    assert finished.outcome == pb.EXECUTION_OUTCOME_ANSWERED
    assert (finished.tool_calls, finished.repeated_tool_calls, finished.failed_tool_calls) == (1, 1, 0)


@BOTH
async def test_a_call_that_must_not_be_repeated_is_not(
    database_url: str, request_for: Request, protocol: pb.ExecutionProtocol.ValueType
) -> None:
    tools = WaitingTools()
    request = request_for(ONE_TOOL, step_tools=["book"], protocol=protocol)
    events = await lost_while_called(database_url, tools, request, SEATS)

    assert len(tools.server.requests) == len(called(events)) == 1
    assert "nobody knows whether it took effect" in returned(events)[0].failure
    finished = events[-1].finished
    assert finished.outcome == pb.EXECUTION_OUTCOME_ANSWERED
    assert (finished.tool_calls, finished.repeated_tool_calls, finished.failed_tool_calls) == (1, 0, 1)


async def test_tools_that_come_up_later_than_the_server_are_waited_for(
    url: str, request_for: Request, caplog: pytest.LogCaptureFixture
) -> None:
    async def were_missed() -> bool:
        return "could not be asked for its tools" in caplog.text

    tools = WaitingTools()
    request = request_for(ONE_TOOL, step_tools=["add"])
    async with (
        serving(tools.server.service) as address,
        server(url, ToolUser("add", RIGHT), tools=[address]) as one,
    ):
        name = await begun(one.execute(request))
        await tools.until(calls=1)
    async with server(url, ToolUser("add", RIGHT), tools=[address]) as other:
        watching = asyncio.create_task(events_of(other.watch(name)))
        await until(were_missed)
        again = simple_tools()
        async with serving(again.service, ServerSettings(address=address)):
            events = await watching

    assert kinds(events)[-1] == "finished"
    assert [brought.output for brought in returned(events)] == ["2 and 3 make 5"]
    assert len(again.requests) == 1
