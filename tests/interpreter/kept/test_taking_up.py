"""An execution whose server was lost after any of its events ends as if it had not been lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from autoflow.client import errors
from autoflow.suites import Content
from autoflow.testing import ScriptedTools, answer_each
from autoflow.testing.simple_tools import simple_answer
from autoflow.v1 import interpreter_service_pb2 as pb
from autoflow.v1 import task_pb2
from autoflow.v1.tool_service_pb2 import CallToolRequest, CallToolResponse
from autoflow_interpreter.executions.model import Append, NewEvent
from tests.interpreter.kept.servers import Events, Request, events_of, kinds, server, store_of, told
from tests.interpreter.kept.tool_users import FUSED, ONE_TOOL, RIGHT, STEPWISE, WRONG, ToolUser, simple_tools
from tests.interpreter.provided import LOUDER, samples

FAR = datetime(2100, 1, 1, tzinfo=UTC)


def with_plans(tools: ScriptedTools) -> ScriptedTools:
    """The same provider, with a tool that plans name."""

    def louder(tool: str, inputs: Sequence[Content]) -> Content:
        return f"{inputs[0]!s}!"

    plans = answer_each(louder)

    async def answer(request: CallToolRequest) -> CallToolResponse:
        made = plans(request) if request.tool == LOUDER.name else simple_answer(request)
        assert isinstance(made, CallToolResponse)
        return made

    found = ScriptedTools([LOUDER], answer)
    found.tools += tools.tools
    return found


async def lost_after(url: str, events: Events, name: str) -> str:
    """Stores a copy of an execution whose server was lost after some events; returns its name."""
    async with store_of(url) as store:
        like = await store.get(name.removeprefix("executions/"))
        copy = replace(like, id=f"{like.id}-{len(events)}", events=0)
        stored, _ = await store.insert(copy, "a lost server", FAR)
        kept = [NewEvent(event.time.ToNanoseconds(), event.SerializeToString()) for event in events]
        await store.append([Append(stored.id, stored.token, 0, kept)])
        await store.release([(stored.id, stored.token)])
    return f"executions/{stored.id}"


@pytest.mark.parametrize("protocol", [FUSED, STEPWISE], ids=["fused", "stepwise"])
async def test_nothing_that_ended_is_done_again(
    url: str, request_for: Request, protocol: pb.ExecutionProtocol.ValueType
) -> None:
    tools = with_plans(simple_tools())
    model = ToolUser("add", WRONG, RIGHT, answer=LOUDER.name)
    plan = pb.PlanTarget(samples=samples("quiet"), output=task_pb2.CONTENT_TYPE_TEXT)
    request = request_for(ONE_TOOL, step_tools=["add"], protocol=protocol, plan=plan)
    async with server(url, model, tools=[tools]) as one:
        whole = await events_of(one.execute(request))
        name = whole[0].started.execution
        model.calls.clear()
        tools.requests.clear()
        lost = [whole[:count] for count in range(1, len(whole))]
        copies = [await lost_after(url, known, name) for known in lost]
        ended = await asyncio.gather(*(events_of(one.watch(copy)) for copy in copies))

    assert "plan_executed" in kinds(whole)
    asked = Counter(asked.tool for asked in tools.requests)
    assert asked[LOUDER.name] == sum("plan_executed" not in kinds(known) for known in lost)
    assert asked["add"] == sum("tool_returned" not in kinds(known) for known in lost)
    missing = [kinds(whole).count("model_called") - kinds(known).count("model_called") for known in lost]
    assert len(model.calls) == sum(missing)
    for known, events in zip(lost, ended, strict=True):
        assert [event.sequence for event in events] == list(range(len(events)))
        assert events[: len(known)] == known
        story = [kind for kind in kinds(events) if kind != "resumed"]
        in_doubt = kinds(known).count("tool_called") - kinds(known).count("tool_returned")
        if in_doubt:
            story.remove("tool_called")
        assert story == kinds(whole)
        finished, expected = pb.ExecutionFinished(), whole[-1].finished
        finished.CopyFrom(events[-1].finished)
        assert (finished.resumptions, finished.repeated_tool_calls) == (1, in_doubt)
        for field in ("resumptions", "repeated_tool_calls", "repeated_model_calls"):
            finished.ClearField(field)
        assert finished == expected


@pytest.mark.parametrize("losses", [9, 10])
async def test_an_execution_to_which_servers_are_lost_has_an_end(
    url: str, request_for: Request, losses: int
) -> None:
    model = ToolUser("add", RIGHT)
    async with server(url, model, tools=[simple_tools()]) as one:
        whole = await events_of(one.execute(request_for(ONE_TOOL, step_tools=["add"])))
        begun = whole[: kinds(whole).index("step_started") + 1]
        resumed = [pb.ExecutionEvent(resumed=pb.ExecutionResumed(resumption=n + 1)) for n in range(losses)]
        copy = await lost_after(url, [*begun, *resumed], whole[0].started.execution)
        _, error = await told(one.watch(copy))
        ended = await one.get(copy)

    if losses < 10:
        assert (error, ended.state) == (None, pb.EXECUTION_STATE_FINISHED)
        return
    assert isinstance(error, errors.Aborted)
    assert ended.state == pb.EXECUTION_STATE_FAILED
    assert "11 servers were lost in the same place" in ended.error.message
