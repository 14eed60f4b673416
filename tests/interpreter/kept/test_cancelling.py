"""Executions that somebody cancels, wherever they are."""

from __future__ import annotations

import asyncio

import pytest

from autoflow.client import errors
from autoflow.testing import GatedModel, ScriptedModel
from autoflow.v1 import interpreter_service_pb2 as pb
from tests.interpreter.kept.servers import ONE_STEP, TWO_STEPS, Request, begun, events_of, kinds, server, told

ASKS = "Step 1:::process:::[ask] Where to?:::next::Step 2\nStep 2:::terminal:::Give the plan\n"
CONTINUE = pb.DISCONNECT_POLICY_CONTINUE


def gated() -> GatedModel:
    return GatedModel(lambda messages: "a plan")


async def test_one_that_runs_here_ends_with_its_call_of_the_model(url: str, request_for: Request) -> None:
    model = gated()
    async with server(url, model) as one:
        # Also one that is to outlive those who began it.
        call = one.execute(request_for(TWO_STEPS, model="gated", on_disconnect=CONTINUE))
        name = await begun(call)
        await model.until(calls=1)
        watching = asyncio.create_task(told(one.watch(name)))
        await one.cancel(name)
        await model.until(cancelled=1)
        _, error = await told(call)
        _, watchers = await watching
        kept = await one.get(name)

    assert kept.state == pb.EXECUTION_STATE_CANCELLED
    assert isinstance(error, errors.Cancelled)
    assert isinstance(watchers, errors.Cancelled)
    assert error.details.request_id


async def test_one_that_runs_on_another_server_ends_there(database_url: str, request_for: Request) -> None:
    model = gated()
    async with server(database_url, model) as one, server(database_url, gated()) as other:
        call = one.execute(request_for(TWO_STEPS, model="gated"))
        name = await begun(call)
        await model.until(calls=1)
        watching = asyncio.create_task(told(other.watch(name)))
        assert (await other.cancel(name)).state == pb.EXECUTION_STATE_RUNNING
        await model.until(cancelled=1)
        seen, watchers = await watching
        _, error = await told(call)

    assert isinstance(error, errors.Cancelled)
    assert isinstance(watchers, errors.Cancelled)
    assert kinds(seen) == ["started", "step_started"]


async def test_one_that_waits_for_a_person_ends_at_once(database_url: str, request_for: Request) -> None:
    async with server(database_url, gated()) as one, server(database_url, gated()) as other:
        call = one.execute(request_for(ASKS, model="gated"))
        name = await begun(call)
        waiting = await one.until_in(name, pb.EXECUTION_STATE_WAITING)
        assert (await other.cancel(name)).state == pb.EXECUTION_STATE_CANCELLED
        _, error = await told(call)
        with pytest.raises(errors.FailedPrecondition):
            await one.answer(name, waiting.question_sequence, "Bonn")

    assert isinstance(error, errors.Cancelled)


async def test_one_that_has_ended_stays_as_it_is(url: str, request_for: Request) -> None:
    async with server(url, ScriptedModel(lambda messages: "a plan")) as one:
        events = await events_of(one.execute(request_for(ONE_STEP)))
        name = events[0].started.execution
        before = await one.get(name)
        assert await one.cancel(name) == before
        assert await events_of(one.watch(name)) == events


async def test_one_whose_server_was_lost_is_not_carried_out_any_further(
    database_url: str, request_for: Request
) -> None:
    lost, model = gated(), gated()
    async with server(database_url, lost, interpreter_lease_seconds=3600) as one:
        call = one.execute(request_for(TWO_STEPS, model="gated"))
        name = await begun(call)
        await lost.until(calls=1)
    async with server(database_url, model) as other:
        await other.cancel(name)
        await other.until_in(name, pb.EXECUTION_STATE_CANCELLED)

    assert len(lost.calls) == 1


async def test_cancelling_at_any_instant_ends_it_once(url: str, request_for: Request) -> None:
    async with server(url, ScriptedModel(lambda messages: "a plan")) as one:
        states = set()
        for pause in range(25):
            call = one.execute(request_for(TWO_STEPS))
            name = await begun(call)
            await asyncio.sleep(pause / 2000)
            await one.cancel(name)
            _, error = await told(call)
            kept = await one.get(name)
            everything, again = await told(one.watch(name))
            assert len(everything) == kept.events
            assert type(again) is type(error)
            assert (error is None) == (kinds(everything)[-1] == "finished")
            states.add(kept.state)

    assert states <= {pb.EXECUTION_STATE_CANCELLED, pb.EXECUTION_STATE_FINISHED}
