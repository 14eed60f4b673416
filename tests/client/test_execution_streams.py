"""Following an execution, over streams that break and servers that go away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from autoflow import errors
from autoflow.client import Client
from autoflow.client import errors as client_errors
from autoflow.llm import base as llm
from autoflow.server import Listener, ServerSettings
from autoflow.testing import ScriptedExecutions
from autoflow.testing.executions import Context
from autoflow.v1 import interpreter_service_pb2 as pb
from tests.client.executions import (
    ALL,
    BEFORE,
    DEADLINE,
    EXECUTE,
    HASTY,
    Tale,
    goes_on,
    place,
    rest,
    take,
)

WATCH = pb.WatchExecutionRequest(name="executions/1")


async def test_a_request_gets_an_id_of_its_own_and_is_left_as_it_was() -> None:
    tale = Tale()
    tale.go_on.set()
    async with place(tale) as (there, client):
        assert await rest(client.execute_workflow(EXECUTE)) == ALL
        assert await rest(client.execute_workflow(EXECUTE)) == ALL
        given = pb.ExecuteWorkflowRequest(request_id="mine")
        given.MergeFrom(EXECUTE)
        assert await rest(client.execute_workflow(given)) == await rest(client.execute_workflow(given)) == ALL
    ids = [kept.kept.request.request_id for kept in there.executions.executions.values()]
    assert len(set(ids)) == 3, "the same request id began two executions"
    assert ids[2] == "mine"
    assert not EXECUTE.request_id


@pytest.mark.parametrize("abruptly", [True, False])
async def test_a_lost_server_is_found_again_and_every_event_comes_once(abruptly: bool) -> None:
    tale = Tale()
    async with place(tale) as (there, client):
        events = client.execute_workflow(EXECUTE)
        assert await take(events, BEFORE) == ALL[:BEFORE]
        await there.lose(abruptly=abruptly)
        following = asyncio.create_task(rest(events))
        tale.go_on.set()
        await there.until(pb.EXECUTION_STATE_FINISHED)
        await there.open()
        assert await following == ALL[BEFORE:]
    assert there.methods[0] == "ExecuteWorkflow"
    assert there.executions.calls[-1] == (
        "WatchExecution",
        pb.WatchExecutionRequest(name="executions/1", from_sequence=BEFORE),
    )
    assert "CancelExecution" not in there.methods


async def test_a_server_is_lost_again_and_again() -> None:
    tale = Tale()
    async with place(tale) as (there, client):
        events = client.execute_workflow(EXECUTE)
        assert await take(events, BEFORE) == ALL[:BEFORE]
        following = asyncio.create_task(rest(events))
        for _ in range(3):
            await there.lose()
            await there.open()
        tale.go_on.set()
        assert await following == ALL[BEFORE:]


class Speechless(ScriptedExecutions):
    """Says nothing to the first call that begins an execution."""

    async def ExecuteWorkflow(
        self, request: pb.ExecuteWorkflowRequest, context: Context
    ) -> AsyncGenerator[pb.ExecuteWorkflowResponse]:
        answers = super().ExecuteWorkflow(request, context)
        first = not self.calls
        async with aclosing(answers):
            async for answer in answers:
                if first:
                    await asyncio.Event().wait()
                yield answer


async def test_a_server_that_is_lost_before_it_has_named_the_execution_is_asked_again() -> None:
    tale, starting = Tale(), asyncio.Event()
    tale.go_on.set()
    async with place(tale, Speechless) as (there, client):
        following = asyncio.create_task(rest(client.execute_workflow(goes_on())))
        await there.executions.until(lambda: bool(there.executions.executions))
        await there.lose()
        opening = asyncio.create_task(there.open(starting))
        # For a while it is there and refuses every call.
        await asyncio.sleep(0.2)
        assert not following.done()
        starting.set()
        await opening
        assert await following == ALL
    assert there.methods == ["ExecuteWorkflow", "ExecuteWorkflow"]
    assert len(there.executions.executions) == 1


class Repeating(ScriptedExecutions):
    """Begins from the first event, whatever the caller has."""

    async def WatchExecution(
        self, request: pb.WatchExecutionRequest, context: Context
    ) -> AsyncGenerator[pb.WatchExecutionResponse]:
        request.from_sequence = 0
        async with aclosing(super().WatchExecution(request, context)) as answers:
            async for answer in answers:
                yield answer


async def test_what_a_server_tells_twice_is_heard_once() -> None:
    tale = Tale()
    async with place(tale, Repeating) as (there, client):
        events = client.execute_workflow(EXECUTE)
        assert await take(events, BEFORE) == ALL[:BEFORE]
        await there.lose()
        following = asyncio.create_task(rest(events))
        await there.open()
        tale.go_on.set()
        assert await following == ALL[BEFORE:]


class Secretive(ScriptedExecutions):
    """Cannot tell at first how an execution stands."""

    async def GetExecution(
        self, request: pb.GetExecutionRequest, context: Context
    ) -> pb.GetExecutionResponse:
        if all(method != "GetExecution" for method, _ in self.calls):
            self.calls.append(("GetExecution", request))
            raise errors.ResourceExhausted("too much to do")
        return await super().GetExecution(request, context)


async def test_a_server_that_cannot_tell_how_an_execution_stands_is_asked_for_its_events() -> None:
    tale = Tale(llm.ModelUnavailable("gone"))
    tale.go_on.set()
    async with place(tale, Secretive) as (there, client):
        with pytest.raises(client_errors.Unavailable, match="the model cannot be reached"):
            await rest(client.execute_workflow(EXECUTE))
    assert "WatchExecution" in there.methods


class Brief(ScriptedExecutions):
    """Ends each stream after its first event, as if all were told."""

    async def WatchExecution(
        self, request: pb.WatchExecutionRequest, context: Context
    ) -> AsyncGenerator[pb.WatchExecutionResponse]:
        async with aclosing(super().WatchExecution(request, context)) as answers:
            async for answer in answers:
                yield answer
                return


async def test_a_stream_that_ends_early_is_followed_by_another() -> None:
    tale = Tale()
    tale.go_on.set()
    async with place(tale, Brief) as (there, client):
        assert await rest(client.execute_workflow(EXECUTE)) == ALL
        assert await rest(client.watch_execution(WATCH)) == ALL
    assert there.methods.count("WatchExecution") == len(ALL)


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (llm.ModelUnavailable("gone"), client_errors.Unavailable),
        (errors.ResourceExhausted("too much"), client_errors.ResourceExhausted),
        (errors.FailedPrecondition("no"), client_errors.FailedPrecondition),
        (errors.Cancelled("by somebody"), client_errors.Cancelled),
    ],
)
async def test_the_error_of_an_execution_is_no_lost_server(error: Exception, raised: type) -> None:
    tale = Tale(error)
    tale.go_on.set()
    async with place(tale) as (there, client):
        events = client.execute_workflow(EXECUTE)
        assert await take(events, BEFORE + 1) == ALL[: BEFORE + 1]
        with pytest.raises(raised):
            await anext(events)
    assert "WatchExecution" not in there.methods


async def test_the_error_of_an_execution_is_told_after_a_loss_too() -> None:
    tale = Tale(llm.ModelUnavailable("gone"))
    async with place(tale) as (there, client):
        events = client.execute_workflow(EXECUTE)
        await take(events, BEFORE)
        await there.lose()
        following = asyncio.create_task(take(events, 2))
        tale.go_on.set()
        await there.until(pb.EXECUTION_STATE_FAILED)
        await there.open()
        with pytest.raises(client_errors.Unavailable, match="the model cannot be reached"):
            await following
    assert "CancelExecution" not in there.methods


async def test_an_execution_that_somebody_cancels_ends_as_cancelled() -> None:
    async with place(Tale()) as (_, client):
        events = client.execute_workflow(EXECUTE)
        await take(events, BEFORE)
        await client.cancel_execution(pb.CancelExecutionRequest(name="executions/1"))
        with pytest.raises(client_errors.Cancelled, match="was cancelled"):
            await anext(events)


async def test_what_was_cancelled_while_the_server_was_away_ends_as_cancelled() -> None:
    async with place(Tale()) as (there, client):
        events = client.execute_workflow(EXECUTE)
        await take(events, BEFORE)
        await there.lose()
        (execution,) = there.executions.executions.values()
        execution.cancel()
        following = asyncio.create_task(take(events, 1))
        await there.open()
        with pytest.raises(client_errors.Cancelled, match="was cancelled"):
            await following


async def test_a_server_that_was_never_there_is_not_waited_for() -> None:
    listener = Listener(ServerSettings(address="127.0.0.1:0"))
    await listener.close()
    async with Client(interpreter=listener.address, settings=HASTY) as client, asyncio.timeout(DEADLINE):
        for events in (
            client.interpreter.execute_workflow(EXECUTE),
            client.interpreter.watch_execution(WATCH),
        ):
            with pytest.raises(client_errors.Unavailable):
                await anext(events)


async def test_watching_tells_what_was_and_what_comes_and_leaves_alone() -> None:
    tale = Tale()
    async with place(tale) as (there, client):
        async with aclosing(client.execute_workflow(EXECUTE)) as begun:
            await take(begun, BEFORE)
            async with aclosing(client.watch_execution(WATCH)) as left:
                assert await take(left, BEFORE) == ALL[:BEFORE]
            assert there.state == pb.EXECUTION_STATE_RUNNING
            late = pb.WatchExecutionRequest(name=WATCH.name, from_sequence=2)
            watching = asyncio.create_task(rest(client.watch_execution(late)))
            tale.go_on.set()
            assert await watching == ALL[2:]
        # All that there is to see was seen.
        past = pb.WatchExecutionRequest(name=WATCH.name, from_sequence=len(ALL))
        assert await rest(client.watch_execution(past)) == []
        with pytest.raises(client_errors.NotFound):
            await anext(client.watch_execution(pb.WatchExecutionRequest(name="executions/none")))
