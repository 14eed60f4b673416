"""What becomes of an execution when those leave who began it."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from autoflow.client import errors
from autoflow.testing import GatedModel, ScriptedModel
from autoflow.v1 import interpreter_service_pb2 as pb
from tests.interpreter.kept.servers import (
    ONE_STEP,
    TWO_STEPS,
    Request,
    begun,
    events_of,
    kinds,
    outliving,
    server,
    told,
    until,
)

CONTINUE = pb.DISCONNECT_POLICY_CONTINUE
ASKS = "Step 1:::process:::[ask] Where to?:::next::Step 2\nStep 2:::terminal:::Give the plan\n"


def gated() -> GatedModel:
    return GatedModel(lambda messages: "a plan")


async def test_who_leaves_cancels_it_down_to_the_models_call(url: str, request_for: Request) -> None:
    model = gated()
    async with server(url, model) as one:
        call = one.execute(request_for(TWO_STEPS, model="gated"))
        name = await begun(call)
        await model.until(calls=1)
        call.cancel()
        await model.until(cancelled=1)
        kept = await one.until_in(name, pb.EXECUTION_STATE_CANCELLED)
        events, error = await told(one.watch(name))

    assert isinstance(error, errors.Cancelled)
    assert kinds(events) == ["started", "step_started"]
    assert kept.events == 2
    assert kept.HasField("end_time")
    assert len(model.calls) == 1


async def test_a_deadline_that_passes_is_a_disconnect(url: str, request_for: Request) -> None:
    model = gated()
    async with server(url, model) as one:
        events, error = await told(one.execute(request_for(ONE_STEP, model="gated"), timeout=1))
        await model.until(calls=1, cancelled=1)
        await one.until_in(events[0].started.execution, pb.EXECUTION_STATE_CANCELLED)

    assert isinstance(error, errors.DeadlineExceeded)


async def test_an_execution_that_is_to_go_on_does(url: str, request_for: Request) -> None:
    model = gated()
    async with server(url, model) as one:
        call = one.execute(request_for(TWO_STEPS, model="gated", on_disconnect=CONTINUE))
        name = await begun(call)
        await model.until(calls=1)
        call.cancel()
        model.let_through(0)
        model.let_through(1)
        events = await events_of(one.watch(name))

    assert model.cancelled == 0
    assert events[-1].finished.outcome == pb.EXECUTION_OUTCOME_ANSWERED


async def test_a_request_that_comes_again_attaches_to_its_execution(url: str, request_for: Request) -> None:
    model = gated()
    request = request_for(ONE_STEP, model="gated", request_id="mine")
    async with server(url, model) as one:
        calls = [one.execute(request) for _ in range(5)]
        await model.until(calls=1)
        model.let_through(0)
        seen = await asyncio.gather(*map(events_of, calls))
        later = await events_of(one.execute(request))
        listed = (await one.page()).executions

    assert len(model.calls) == len(listed) == 1
    assert all(events == later for events in seen)
    assert kinds(later)[-1] == "finished"


async def test_another_request_with_the_same_id_is_refused(url: str, request_for: Request) -> None:
    async with server(url, ScriptedModel(lambda messages: "a plan")) as one:
        await events_of(one.execute(request_for(ONE_STEP, request_id="mine")))
        for other in (
            request_for(TWO_STEPS, request_id="mine"),
            request_for(ONE_STEP, request_id="mine", on_disconnect=CONTINUE),
        ):
            with pytest.raises(errors.AlreadyExists, match="mine"):
                await events_of(one.execute(other))
        assert len((await one.page()).executions) == 1


async def test_of_two_who_are_attached_one_may_leave(url: str, request_for: Request) -> None:
    model = gated()
    request = request_for(TWO_STEPS, model="gated", request_id="mine")
    async with server(url, model) as one:
        first, second = one.execute(request), one.execute(request)
        name = await begun(first)
        await events_of(second, 2)
        first.cancel()
        model.let_through(0)
        await model.until(calls=2)
        assert (await one.get(name)).state == pb.EXECUTION_STATE_RUNNING
        second.cancel()
        await model.until(cancelled=1)
        await one.until_in(name, pb.EXECUTION_STATE_CANCELLED)

    assert len(model.calls) == 2


async def test_one_that_waits_for_a_person_outlives_those_who_leave(url: str, request_for: Request) -> None:
    model = gated()
    async with server(url, model) as one:
        call = one.execute(request_for(ASKS, model="gated"))
        name = await begun(call)
        waiting = await one.until_in(name, pb.EXECUTION_STATE_WAITING)
        call.cancel()
        # The answer of another call shows that the server has heard of it.
        other = one.execute(request_for(ONE_STEP, model="gated"))
        await model.until(calls=1)
        other.cancel()
        await model.until(cancelled=1)
        await one.answer(name, waiting.question_sequence, "Bonn")
        await model.until(calls=2)
        model.let_through(1)
        events = await events_of(one.watch(name))

    assert events[-1].finished.outcome == pb.EXECUTION_OUTCOME_ANSWERED


async def test_who_stayed_through_a_question_cancels_by_leaving(url: str, request_for: Request) -> None:
    model = gated()
    request = request_for(ASKS, model="gated", request_id="mine")
    async with server(url, model) as one:
        before = one.execute(request)
        name = await begun(before)
        waiting = await one.until_in(name, pb.EXECUTION_STATE_WAITING)
        await one.answer(name, waiting.question_sequence, "Bonn")
        await model.until(calls=1)
        after = one.execute(request)
        await events_of(after, 4)
        before.cancel()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await model.until(cancelled=1)
        after.cancel()
        await model.until(cancelled=1)
        await one.until_in(name, pb.EXECUTION_STATE_CANCELLED)


async def test_a_call_that_is_cancelled_at_any_instant_leaves_nothing_behind(
    url: str, request_for: Request
) -> None:
    model = gated()
    async with server(url, model, interpreter_max_executions=8) as one:
        for turn in range(60):
            call = one.execute(request_for(ONE_STEP, model="gated"))
            for _ in range(turn * 3):
                await asyncio.sleep(0)
            call.cancel()

        async def nothing_runs() -> bool:
            return not (await one.page(state=pb.EXECUTION_STATE_RUNNING)).executions

        await until(nothing_runs)

        # There is room again for as many as may be, once the last of them has been noticed.
        async def there_is_room() -> bool:
            calls = [one.execute(request_for(ONE_STEP, model="gated")) for _ in range(8)]
            answers = await asyncio.gather(*(told(call, 1) for call in calls))
            for call in calls:
                call.cancel()
            return all(error is None for _, error in answers)

        await until(there_is_room)


async def test_a_server_that_stops_is_no_disconnect_and_hands_over_at_once(
    database_url: str, request_for: Request
) -> None:
    model = gated()
    request = request_for(TWO_STEPS, model="gated", request_id="mine")
    async with server(database_url, gated()) as other, AsyncExitStack() as stack:
        # Nobody waits for a lease as long as this one.
        async with server(database_url, model, interpreter_lease_seconds=3600) as one:
            call = (await stack.enter_async_context(outliving(one))).execute(request)
            name = await begun(call)
            await model.until(calls=1)
            model.let_through(0)
            await model.until(calls=2)
            reading = asyncio.create_task(told(call))
        seen, error = await reading
        assert isinstance(error, errors.Unavailable | errors.Cancelled)
        assert model.cancelled == 1
        again = other.execute(request)
        events = await events_of(again, 7)
        assert (await other.get(name)).resumptions == 1

    assert events[1 : 1 + len(seen)] == seen
    assert kinds(events)[-2:] == ["step_started", "resumed"]
