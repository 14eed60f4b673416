"""What becomes of an execution when whoever began it leaves, or runs out of time."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from autoflow.client import InterpreterClient
from autoflow.client import errors as client_errors
from autoflow.v1 import interpreter_service_pb2 as pb
from tests.client.executions import ASKED, BEFORE, EXECUTE, Place, Tale, goes_on, place, rest, take


async def test_running_out_of_time_is_leaving() -> None:
    async with place(Tale()) as (there, client):
        with pytest.raises(client_errors.DeadlineExceeded):
            await rest(client.execute_workflow(EXECUTE, timeout=0.3))
        await there.until(pb.EXECUTION_STATE_CANCELLED)
    # The server itself has heard of it.
    assert there.methods == ["ExecuteWorkflow"]


async def test_the_deadline_is_that_of_all_streams_together() -> None:
    async with place(Tale()) as (there, client):
        events = client.execute_workflow(EXECUTE, timeout=1)
        await take(events, BEFORE)
        await there.lose()
        following = asyncio.create_task(take(events, 1))
        await there.open()
        with pytest.raises(client_errors.DeadlineExceeded):
            await following
        await there.until(pb.EXECUTION_STATE_CANCELLED)
    assert there.methods[-1] == "CancelExecution"


async def test_the_deadline_holds_where_the_server_stays_away() -> None:
    async with place(Tale()) as (there, client):
        events = client.execute_workflow(EXECUTE, timeout=0.5)
        await take(events, BEFORE)
        await there.lose()
        with pytest.raises(client_errors.DeadlineExceeded):
            await anext(events)


async def test_leaving_the_call_that_began_it_is_all_that_is_said() -> None:
    async with place(Tale()) as (there, client):
        async with aclosing(client.execute_workflow(EXECUTE)) as events:
            await take(events, BEFORE)
        await there.until(pb.EXECUTION_STATE_CANCELLED)
    assert there.methods == ["ExecuteWorkflow"]


async def _lost(there: Place, client: InterpreterClient, request: pb.ExecuteWorkflowRequest) -> None:
    """Begins an execution, loses the server once, and leaves when it is there again."""
    async with aclosing(client.execute_workflow(request)) as events:
        await take(events, BEFORE)
        await there.lose()
        following = asyncio.create_task(take(events, 1))
        await there.open()
        await there.executions.until(lambda: "WatchExecution" in there.methods)
        following.cancel()
        await asyncio.wait([following])


async def test_leaving_after_a_loss_cancels_the_execution() -> None:
    async with place(Tale()) as (there, client):
        await _lost(there, client, EXECUTE)
        await there.until(pb.EXECUTION_STATE_CANCELLED)
    assert there.methods[-1] == "CancelExecution"


async def test_leaving_after_a_loss_lets_it_go_on_where_that_is_wanted() -> None:
    async with place(Tale()) as (there, client):
        await _lost(there, client, goes_on())
        assert there.state == pb.EXECUTION_STATE_RUNNING
    assert "CancelExecution" not in there.methods


async def test_leaving_after_a_loss_lets_it_wait_for_a_person() -> None:
    tale = Tale(ASKED)
    async with place(tale) as (there, client):
        async with aclosing(client.execute_workflow(EXECUTE)) as events:
            await take(events, BEFORE)
            await there.lose()
            following = asyncio.create_task(take(events, 2))
            tale.go_on.set()
            await there.open()
            # The question was asked in the stream that is being watched.
            assert await following == [BEFORE, BEFORE + 1]
        assert there.state == pb.EXECUTION_STATE_WAITING
    assert "CancelExecution" not in there.methods
