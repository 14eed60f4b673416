"""Executions that are kept: they are shown, listed, and watched from any event on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

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
    server,
    until,
)

UNKNOWN = "executions/never-begun"


async def test_an_execution_is_kept_as_it_was_asked_for_and_as_it_ended(
    url: str, request_for: Request
) -> None:
    async with server(url, ScriptedModel(lambda messages: "a plan")) as one:
        request = request_for(TWO_STEPS, request_id="mine")
        events = await events_of(one.execute(request))
        kept = await one.get(events[0].started.execution)

    assert kept.state == pb.EXECUTION_STATE_FINISHED
    assert kept.request == request
    assert kept.finished == events[-1].finished
    assert kept.events == len(events)
    assert kept.query_beginning == request.query
    assert kept.model.model == "scripted"
    assert not kept.HasField("question")
    assert not kept.HasField("error")
    assert kept.create_time.ToNanoseconds() <= events[0].time.ToNanoseconds()
    assert kept.end_time.ToNanoseconds() >= kept.create_time.ToNanoseconds()


async def test_it_is_shown_while_it_runs(url: str, request_for: Request) -> None:
    model = GatedModel(lambda messages: "a plan")
    async with server(url, model) as one:
        call = one.execute(request_for(ONE_STEP, model="gated"))
        name = await begun(call)
        await model.until(calls=1)
        kept = await one.get(name)
        model.let_through(0)
        await events_of(call)

    assert kept.state == pb.EXECUTION_STATE_RUNNING
    assert kept.events == 2
    assert not kept.HasField("end_time")
    assert not kept.HasField("finished")


async def test_lists_turn_pages_from_the_newest_on_and_hold_no_requests(
    url: str, request_for: Request
) -> None:
    model = GatedModel(lambda messages: "a plan")
    async with server(url, ScriptedModel(lambda messages: "a plan"), model) as one:
        names = [(await events_of(one.execute(request_for(ONE_STEP))))[0] for _ in range(5)]
        running = one.execute(request_for(ONE_STEP, model="gated"))
        names.append((await events_of(running, 1))[0])
        everything = [name.started.execution for name in reversed(names)]

        token = ""
        pages: list[Sequence[pb.Execution]] = []
        while not pages or token:
            page = await one.page(page_size=4, page_token=token)
            pages.append(page.executions)
            token = page.next_page_token
        under_way = (await one.page(state=pb.EXECUTION_STATE_RUNNING)).executions
        ended = (await one.page(state=pb.EXECUTION_STATE_FINISHED)).executions
        with pytest.raises(errors.InvalidArgument) as refused:
            await one.page(page_token="made up")

    assert [[execution.name for execution in page] for page in pages] == [everything[:4], everything[4:]]
    assert not any(execution.HasField("request") for page in pages for execution in page)
    assert [execution.name for execution in under_way] == everything[:1]
    assert [execution.name for execution in ended] == everything[1:]
    assert "page_token" in [violation.field for violation in refused.value.details.violations]


async def test_what_was_never_begun_is_not_found(url: str) -> None:
    async with server(url) as one:
        for call in (one.get(UNKNOWN), one.cancel(UNKNOWN), one.answer(UNKNOWN, 1, "yes")):
            with pytest.raises(errors.NotFound):
                await call
        with pytest.raises(errors.NotFound):
            await events_of(one.watch(UNKNOWN))


async def test_one_that_has_ended_is_watched_from_any_event_on(url: str, request_for: Request) -> None:
    async with server(url, ScriptedModel(lambda messages: "a plan")) as one:
        events = await events_of(one.execute(request_for(TWO_STEPS)))
        name = events[0].started.execution
        for start in range(len(events) + 2):
            assert await events_of(one.watch(name, start)) == events[start:]


async def test_many_watch_one_and_each_sees_every_event_once(url: str, request_for: Request) -> None:
    model = GatedModel(lambda messages: "a plan")
    async with server(url, model) as one:
        call = one.execute(request_for(TWO_STEPS, model="gated"))
        name = await begun(call)
        await model.until(calls=1)
        early = [asyncio.create_task(events_of(one.watch(name, start))) for start in range(20)]
        model.let_through(0)
        await model.until(calls=2)
        late = [asyncio.create_task(events_of(one.watch(name, start))) for start in range(10)]
        model.let_through(1)
        rest = await events_of(call)
        watched = [await task for task in (*early, *late)]
        everything = await events_of(one.watch(name))

    assert everything[1:] == rest
    assert [event.sequence for event in everything] == list(range(9))
    assert kinds(everything)[-1] == "finished"
    assert watched == [everything[start:] for start in (*range(20), *range(10))]


async def test_who_stops_watching_leaves_the_execution_alone(url: str, request_for: Request) -> None:
    model = GatedModel(lambda messages: "a plan")
    async with server(url, model) as one:
        call = one.execute(request_for(ONE_STEP, model="gated"))
        name = await begun(call)
        watching = one.watch(name)
        await events_of(watching, 2)
        watching.cancel()
        await model.until(calls=1)
        model.let_through(0)
        assert kinds(await events_of(call))[-1] == "finished"

    assert model.cancelled == 0


async def test_ended_executions_beyond_those_to_be_kept_are_deleted(url: str, request_for: Request) -> None:
    model = ScriptedModel(lambda messages: "a plan")
    async with server(url, model) as one:
        names = [(await events_of(one.execute(request_for(ONE_STEP))))[0] for _ in range(3)]
    gated = GatedModel(lambda messages: "a plan")
    # A server looks for what to delete as soon as it starts.
    async with server(url, gated, model, interpreter_keep_executions=1) as one:

        async def is_alone() -> bool:
            return len((await one.page()).executions) == 1

        await until(is_alone)
        (kept,) = (await one.page()).executions
        with pytest.raises(errors.NotFound):
            await events_of(one.watch(names[0].started.execution))

    assert kept.name == names[-1].started.execution
