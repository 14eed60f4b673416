"""Steps that call tools, by both protocols."""

from __future__ import annotations

import asyncio
import hashlib

import pytest

from autoflow.client import errors
from autoflow.suites import ContentType, Tool
from autoflow.testing import ScriptedModel, ScriptedTools
from autoflow.testing.simple_tools import SIMPLE_TOOLS
from autoflow.v1 import interpreter_service_pb2 as pb
from autoflow.v1 import task_pb2
from autoflow.v1.tool_service_pb2 import CallToolRequest, CallToolResponse, ToolFailure, ToolResult
from tests.interpreter.kept.servers import Request, events_of, kinds, server
from tests.interpreter.kept.tool_users import (
    FUSED,
    ONE_TOOL,
    RIGHT,
    SEATS,
    STEPWISE,
    WRONG,
    ToolUser,
    called,
    returned,
    simple_tools,
)

BOTH = pytest.mark.parametrize("protocol", [FUSED, STEPWISE], ids=["fused", "stepwise"])
NOBODY = "127.0.0.1:1"
FOR_PLANS = Tool("Louder", "makes a text louder", (ContentType.TEXT,), ContentType.TEXT)


def answering(result: ToolResult) -> ScriptedTools:
    """A provider of `add`, which always brings the same."""
    return ScriptedTools([SIMPLE_TOOLS["add"].tool], lambda request: CallToolResponse(results=[result]))


@BOTH
async def test_a_tool_is_called_and_what_it_brings_is_seen(
    url: str, request_for: Request, protocol: pb.ExecutionProtocol.ValueType
) -> None:
    model, tools = ToolUser("add", RIGHT), simple_tools()
    async with server(url, model, tools=[tools]) as one:
        request = request_for(ONE_TOOL, step_tools=["add"], protocol=protocol)
        events = await events_of(one.execute(request))

    (call,), (brought,) = called(events), returned(events)
    assert (call.step, call.tool, call.arguments, call.attempt) == ("Step 1", "add", RIGHT, 1)
    assert brought.output == "2 and 3 make 5"
    assert tools.call_ids == [call.call_id] == [brought.call_id]
    assert any("2 and 3 make 5" in message.content for call in model.calls for message in call.messages)
    finished = events[-1].finished
    assert (finished.tool_calls, finished.failed_tool_calls, finished.refused_replies) == (1, 0, 0)


async def test_steps_see_the_tools_that_are_allowed_and_no_others(url: str, request_for: Request) -> None:
    tools = simple_tools()
    tools.tools.append(ScriptedTools([FOR_PLANS], lambda request: CallToolResponse()).tools[0])
    names = {}
    async with server(url, model := ToolUser("weather", "{}", RIGHT), tools=[tools]) as one:
        for allowed in (["add"], ["weather", "add"], ["*"], []):
            model.calls.clear()
            request = request_for(ONE_TOOL, step_tools=allowed, protocol=STEPWISE)
            request.limits.max_calls = 1
            events = await events_of(one.execute(request))
            names["+".join(allowed)] = list(events[0].started.step_tools)
        events = await events_of(one.execute(request_for(ONE_TOOL, step_tools=["add"], protocol=FUSED)))

    assert names == {
        "add": ["add"],
        "weather+add": ["add", "weather"],
        "*": ["add", "book", "weather"],
        "": [],
    }
    # A model that names another one all the same is told which there are.
    assert "tool_called" not in kinds(events)
    assert tools.requests == []
    assert events[-1].finished.outcome == pb.EXECUTION_OUTCOME_UNREADABLE


async def test_a_tool_that_is_not_there_is_named_by_its_place(url: str, request_for: Request) -> None:
    async with server(url, ScriptedModel(lambda messages: ""), tools=[simple_tools()]) as one:
        for names, field in ((["add", "divide"], "step_tools[1]"), (["add", "*"], "step_tools")):
            with pytest.raises(errors.InvalidArgument) as refused:
                await events_of(one.execute(request_for(ONE_TOOL, step_tools=names)))
            assert [violation.field for violation in refused.value.details.violations] == [field]


async def test_a_source_that_is_away_may_have_the_tool(url: str, request_for: Request) -> None:
    async with server(url, ScriptedModel(lambda messages: ""), tools=[simple_tools(), NOBODY]) as one:
        with pytest.raises(errors.Unavailable):
            await events_of(one.execute(request_for(ONE_TOOL, step_tools=["add", "divide"])))
        assert not (await one.page()).executions


@BOTH
async def test_arguments_that_are_wrong_are_corrected_before_anything_is_called(
    url: str, request_for: Request, protocol: pb.ExecutionProtocol.ValueType
) -> None:
    tools = simple_tools()
    async with server(url, ToolUser("add", WRONG, RIGHT), tools=[tools]) as one:
        request = request_for(ONE_TOOL, step_tools=["add"], protocol=protocol)
        events = await events_of(one.execute(request))

    (refused,) = [event.reply_refused for event in events if event.HasField("reply_refused")]
    assert "b" in refused.problem
    assert '"integer"' in refused.problem
    assert len(tools.requests) == 1
    assert [call.arguments for call in called(events)] == [RIGHT]
    finished = events[-1].finished
    assert (finished.refused_replies, finished.tool_calls, finished.failed_tool_calls) == (1, 1, 0)


@BOTH
async def test_corrections_are_bounded_and_then_the_step_goes_on_without(
    url: str, request_for: Request, protocol: pb.ExecutionProtocol.ValueType
) -> None:
    tools = simple_tools()
    async with server(url, ToolUser("add", WRONG), tools=[tools]) as one:
        request = request_for(ONE_TOOL, step_tools=["add"], protocol=protocol)
        events = await events_of(one.execute(request))

    assert tools.requests == []
    (call,), (brought,) = called(events), returned(events)
    assert call.attempt == 0
    assert '"integer"' in brought.failure
    finished = events[-1].finished
    assert finished.outcome == pb.EXECUTION_OUTCOME_ANSWERED
    assert (finished.refused_replies, finished.tool_calls, finished.failed_tool_calls) == (3, 0, 1)


@BOTH
async def test_what_a_tool_fails_at_is_an_observation(
    url: str, request_for: Request, protocol: pb.ExecutionProtocol.ValueType
) -> None:
    tools = answering(ToolResult(failure=ToolFailure(message="too hot to count")))
    async with server(url, model := ToolUser("add", RIGHT), tools=[tools]) as one:
        request = request_for(ONE_TOOL, step_tools=["add"], protocol=protocol)
        events = await events_of(one.execute(request))

    assert returned(events)[0].failure == "too hot to count"
    assert any("too hot to count" in message.content for call in model.calls for message in call.messages)
    finished = events[-1].finished
    assert finished.outcome == pb.EXECUTION_OUTCOME_ANSWERED
    assert (finished.tool_calls, finished.failed_tool_calls) == (1, 1)


async def test_a_tool_that_takes_too_long_is_given_up_and_the_execution_goes_on(
    url: str, request_for: Request
) -> None:
    async def hang(request: CallToolRequest) -> CallToolResponse:
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")

    tools = ScriptedTools([SIMPLE_TOOLS["book"].tool], hang)
    async with server(url, ToolUser("book", SEATS), tools=[tools], interpreter_tool_seconds=0.2) as one:
        events = await events_of(one.execute(request_for(ONE_TOOL, step_tools=["book"])))

    assert "took more than" in returned(events)[0].failure
    assert events[-1].finished.outcome == pb.EXECUTION_OUTCOME_ANSWERED
    assert len(tools.requests) == 1


async def test_what_is_too_long_is_cut_and_says_so(url: str, request_for: Request) -> None:
    tools = answering(ToolResult(output=task_pb2.Content(text="word " * 100)))
    async with server(url, ToolUser("add", RIGHT), tools=[tools], interpreter_tool_characters=20) as one:
        events = await events_of(one.execute(request_for(ONE_TOOL, step_tools=["add"])))

    assert returned(events)[0].output == f"{'word ' * 4}… cut after 20 characters of 500"


@BOTH
async def test_pictures_are_kept_by_their_names_alone(
    url: str, request_for: Request, protocol: pb.ExecutionProtocol.ValueType
) -> None:
    picture = b"not really a picture"
    name = f"sha256:{hashlib.sha256(picture).hexdigest()}"
    tools = answering(ToolResult(output=task_pb2.Content(image=picture)))
    async with server(url, model := ToolUser("add", RIGHT), tools=[tools]) as one:
        request = request_for(ONE_TOOL, step_tools=["add"], protocol=protocol)
        events = await events_of(one.execute(request))

    assert list(returned(events)[0].images) == [name]
    assert any(f"[image {name}]" in message.content for call in model.calls for message in call.messages)


async def test_a_tool_that_is_gone_in_the_middle_is_no_fault_of_the_workflow(
    url: str, request_for: Request
) -> None:
    tools = simple_tools()
    async with server(url, ToolUser("add", RIGHT), tools=[tools]) as one:
        await events_of(one.execute(request_for(ONE_TOOL, step_tools=["add"])))
        tools.tools.clear()
        with pytest.raises(errors.Unavailable):
            await events_of(one.execute(request_for(ONE_TOOL, step_tools=["add"])))
        (kept,) = (await one.page(state=pb.EXECUTION_STATE_FAILED)).executions

    assert kept.error.message
