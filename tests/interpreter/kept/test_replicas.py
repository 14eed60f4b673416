"""Two servers of one database."""

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
    rob,
    server,
    store_lost,
    store_of,
    told,
)


def gated() -> GatedModel:
    return GatedModel(lambda messages: "a plan")


async def test_what_one_carries_out_is_watched_on_the_other(database_url: str, request_for: Request) -> None:
    model = gated()
    async with server(database_url, model) as one, server(database_url, gated()) as other:
        call = one.execute(request_for(TWO_STEPS, model="gated"))
        name = await begun(call)
        await model.until(calls=1)
        watching = [asyncio.create_task(events_of(other.watch(name, start))) for start in (0, 1, 4)]
        assert kinds(await events_of(other.watch(name), 2)) == ["started", "step_started"]
        model.let_through(0)
        model.let_through(1)
        rest = await events_of(call)
        seen = [await task for task in watching]

    assert seen[0][1:] == rest
    assert [len(events) for events in seen] == [9, 8, 5]
    assert seen[0][4:] == seen[2]


async def test_a_request_attaches_to_what_the_other_carries_out(
    database_url: str, request_for: Request
) -> None:
    model = gated()
    request = request_for(ONE_STEP, model="gated", request_id="mine")
    async with server(database_url, model) as one, server(database_url, gated()) as other:
        first = one.execute(request)
        await begun(first)
        second = other.execute(request)
        assert kinds(await events_of(second, 2)) == ["started", "step_started"]
        # It is not this server's to end.
        second.cancel()
        model.let_through(0)
        assert kinds(await events_of(first))[-1] == "finished"
        assert len((await other.page()).executions) == 1


async def test_one_that_lost_its_lease_stores_nothing_and_the_other_goes_on(
    database_url: str, request_for: Request
) -> None:
    model, others = gated(), gated()
    async with server(database_url, model, interpreter_lease_seconds=3600) as one:
        call = one.execute(request_for(TWO_STEPS, model="gated"))
        name = await begun(call)
        model.let_through(0)
        await model.until(calls=2)
        await rob(database_url)
        async with server(database_url, others) as other:
            watching = asyncio.create_task(told(other.watch(name)))
            await others.until(calls=1)
            before = await other.get(name)
            # Its reply comes after the other has taken over: nobody may ever see it.
            model.let_through(1)
            others.let_through(0)
            seen, error = await watching
            through_one = await events_of(call)
            kept = await other.get(name)

    assert error is None
    # The thief counts.
    assert before.resumptions == kept.resumptions == 2
    assert [event.sequence for event in seen] == list(range(10))
    assert kinds(seen).count("resumed") == 1
    assert seen[1:] == through_one
    assert kept.finished.resumptions == 2
    assert kept.finished.usage.llm_calls == 2


async def test_a_server_takes_back_what_it_lost_itself(url: str, request_for: Request) -> None:
    model = gated()
    async with server(url, model) as one:
        for turn in range(5):
            call = one.execute(request_for(ONE_STEP, model="gated"))
            name = await begun(call)
            await model.until(calls=2 * turn + 1)
            await rob(url)
            # The call under way is given up, and made once more.
            await model.until(calls=2 * turn + 2, cancelled=turn + 1)
            model.let_through(2 * turn + 1)
            events = await events_of(call)
            kept = await one.until_in(name, pb.EXECUTION_STATE_FINISHED)
            assert kinds(events) == ["step_started", "resumed", "model_called", "step_answered", "finished"]
            assert kept.resumptions == 2


async def test_the_first_event_says_that_it_has_started_whenever_the_server_was_lost(
    url: str, request_for: Request
) -> None:
    # A server stores a request, and is lost before it has done anything.
    model = ScriptedModel(lambda messages: "a plan")
    async with server(url, model) as one:
        (first, *_) = await events_of(one.execute(request_for(ONE_STEP)))
        async with store_of(url) as store:
            like = await store.get(first.started.execution.removeprefix("executions/"))
            lost = await store_lost(url, like)
        events = await events_of(one.watch(f"executions/{lost}"))

    assert kinds(events) == ["started", "step_started", "model_called", "step_answered", "finished"]
    assert events[-1].finished.resumptions == 1


async def test_more_than_a_server_may_carry_out_wait_for_the_other(
    database_url: str, request_for: Request
) -> None:
    model, others = gated(), gated()
    async with server(database_url, others, interpreter_max_executions=2) as other:
        held = [other.execute(request_for(ONE_STEP, model="gated")) for _ in range(2)]
        await others.until(calls=2)
        async with server(database_url, model) as one:
            call = one.execute(request_for(ONE_STEP, model="gated"))
            name = await begun(call)
            await model.until(calls=1)
        with pytest.raises(errors.ResourceExhausted):
            await events_of(other.execute(request_for(ONE_STEP, model="gated")))
        assert (await other.get(name)).state == pb.EXECUTION_STATE_RUNNING
        others.let_through(0)
        others.let_through(1)
        await asyncio.gather(*map(events_of, held))
        await others.until(calls=3)
        others.let_through(2)
        events = await events_of(other.watch(name))

    assert kinds(events)[-1] == "finished"


async def test_who_watches_at_a_server_that_stops_is_told_to_go_elsewhere(
    database_url: str, request_for: Request
) -> None:
    model = gated()
    async with server(database_url, model) as one:
        call = one.execute(request_for(TWO_STEPS, model="gated"))
        name = await begun(call)
        async with AsyncExitStack() as stack:
            async with server(database_url, gated()) as other:
                watching = (await stack.enter_async_context(outliving(other))).watch(name)
                assert len(await events_of(watching, 2)) == 2
                rest = asyncio.create_task(told(watching))
            seen, error = await rest
        model.let_through(0)
        model.let_through(1)
        events = await events_of(one.watch(name, 2))

    assert seen == []
    assert isinstance(error, errors.Unavailable | errors.Cancelled)
    assert kinds(events)[-1] == "finished"
