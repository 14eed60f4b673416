"""`autoflow executions` against an interpreter that keeps executions."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from functools import partial

import pytest

from autoflow import errors
from autoflow.cli.console import Output
from autoflow.cli.executions.commands import (
    answer_execution,
    cancel_execution,
    list_executions,
    show_execution,
    tail_execution,
)
from autoflow.client import Client
from autoflow.testing import ScriptedExecutions, serving
from autoflow.testing.kept_execution import Story
from autoflow.v1 import interpreter_service_pb2 as pb
from tests.cli.harness import DEADLINE, autoflow, called, finish, start
from tests.cli.stories import FINISHED, LONG, REQUEST, asked, everything

Begun = tuple[ScriptedExecutions, str]
show = partial(show_execution, full=False, output=Output())
tail = partial(tail_execution, full=False, output=Output())


@asynccontextmanager
async def begun(story: Story, count: int = 1) -> AsyncIterator[Begun]:
    """Executions of a story, and the interpreter's address."""
    executions = ScriptedExecutions(story)
    request = pb.ExecuteWorkflowRequest(on_disconnect=pb.DISCONNECT_POLICY_CONTINUE)
    request.MergeFrom(REQUEST)
    async with serving(executions.service) as address, Client(interpreter=address) as client:
        for _ in range(count):
            async with aclosing(client.interpreter.execute_workflow(request)) as events:
                await anext(events)
        yield executions, address


async def until(executions: ScriptedExecutions, state: pb.ExecutionState.ValueType, events: int = 0) -> None:
    """Returns when all executions are in a state, with more events than so many."""
    kept = [execution.kept for execution in executions.executions.values()]
    await executions.until(lambda: all(each.state == state and each.events > events for each in kept))


async def finished(request: pb.ExecuteWorkflowRequest) -> AsyncGenerator[pb.ExecutionEvent, str]:
    yield pb.ExecutionEvent(finished=FINISHED)


async def waiting(request: pb.ExecuteWorkflowRequest) -> AsyncGenerator[pb.ExecutionEvent, str]:
    yield asked()
    yield pb.ExecutionEvent(finished=FINISHED)


async def undecided(request: pb.ExecuteWorkflowRequest) -> AsyncGenerator[pb.ExecutionEvent, str]:
    yield pb.ExecutionEvent(finished=pb.ExecutionFinished(outcome=pb.EXECUTION_OUTCOME_UNDECIDED))


async def broken(request: pb.ExecuteWorkflowRequest) -> AsyncGenerator[pb.ExecutionEvent, str]:
    yield asked()
    raise errors.Unavailable("the \x1b[2J model cannot be reached")


async def test_executions_are_listed_the_newest_first(capsys: pytest.CaptureFixture[str]) -> None:
    async with begun(waiting, 3) as (executions, address):
        await until(executions, pb.EXECUTION_STATE_WAITING)
        await called(answer_execution(address, "2", "Yes", Output()), capsys)
        listed = await called(list_executions(address, None, 20, Output()), capsys)
        lines = listed.out.splitlines()
        assert [line.split()[:2] for line in lines[1::2]] == [
            ["3", "waiting"],
            ["2", "finished"],
            ["1", "waiting"],
        ]
        assert lines[3].split()[2:4] == ["answered", "5"]
        assert lines[2].strip() == "Plan three days in Ghent for two."
        only = await called(list_executions(address, "finished", 20, Output(json=True)), capsys)
        assert [each["name"] for each in only.document["executions"]] == ["executions/2"]
        few = await called(list_executions(address, None, 2, Output(json=True)), capsys)
        assert [each["name"] for each in few.document["executions"]] == ["executions/3", "executions/2"]
        none = await called(list_executions(address, "failed", 20, Output()), capsys)
        assert (none.code, none.out, none.err) == (0, "", "there are no executions\n")


async def test_a_wide_terminal_has_a_line_for_each() -> None:
    async with begun(finished, 2) as (_, address):
        env = {"AUTOFLOW_INTERPRETER_ADDRESS": address, "COLUMNS": "150"}
        listed = await autoflow("executions", "list", env=env)
        # Of a query there would be little to see here.
        narrower = await autoflow("executions", "list", env=env | {"COLUMNS": "125"})
    assert len(listed.out.splitlines()) == 3
    assert " ".join(listed.out.split()).count("scripted Plan three days in Ghent for two.") == 2
    assert len(narrower.out.splitlines()) == 5


async def test_a_trace_tells_what_happened_step_by_step(capsys: pytest.CaptureFixture[str]) -> None:
    async with begun(everything) as (executions, address):
        await until(executions, pb.EXECUTION_STATE_WAITING)
        await called(answer_execution(address, "1", "No", Output()), capsys)
        await until(executions, pb.EXECUTION_STATE_WAITING, 20)
        await called(answer_execution(address, "1", "Yes", Output()), capsys)
        await until(executions, pb.EXECUTION_STATE_FINISHED)
        shown = await called(show(address, "executions/1"), capsys)
        full = await called(show_execution(address, "1", full=True, output=Output()), capsys)
        raw = await called(show_execution(address, "1", full=False, output=Output(json=True)), capsys)
    words = " ".join(shown.out.split())
    place = 0
    for expected in (
        "execution executions/1 state finished, answered task Plan three days in Ghent for two.",
        "model scripted protocol fused, prompts none",
        "memory append, 4,000 tokens at most",
        "5 steps, 4 calls, 2,020 tokens, 2 tool calls (1 failed), 1 refused, resumed 1 time, $0.0123",
        "Step 1 process Find a flight. call step, 500 + 20 tokens",
        r"refused step: it is \x1b[2J no JSON",
        "500 + 20 tokens (400 cached)",
        'tool flights {"to": "Ghent"} resumed after its server was lost, time 1',
        'tool flights {"to": "Ghent"} attempt 2 failed no such city',
        "answer There is none. Step 2 decision",
        "asks a person, until 20",
        "one of: Yes, No told No",
        "branch No → Step 1 Step 1 process time 2",
        "sees Step 1 #1; no room for Step 2 #1; not told whether Step 1 #2 matter",
        "… (1,000 more characters) picture sha256:00",
        "Step 2 decision time 2",
        "branch Yes → Step 3 event 28, of a kind that this version does not know Step 3 terminal",
        "answer Take the train.",
    ):
        assert expected in words[place:], f"{expected!r} is not there, or not in its place:\n{shown.out}"
        place += words[place:].index(expected)
    assert max(map(len, shown.out.splitlines())) <= 80
    assert full.out.count("flight") > LONG.count("flight")
    assert "more characters" not in full.out
    assert [event["sequence"] for event in raw.document["events"]] == list(range(33))
    assert raw.document["execution"]["request"]["query"] == REQUEST.query


async def test_what_waits_for_a_person_says_how_it_is_answered(capsys: pytest.CaptureFixture[str]) -> None:
    async with begun(waiting) as (executions, address):
        await until(executions, pb.EXECUTION_STATE_WAITING)
        shown = await called(show(address, "1"), capsys)
        assert f"`autoflow executions answer executions/1 TEXT --interpreter {address}` answers" in shown.err
        answered = await called(answer_execution(address, "1", "Yes", Output(json=True)), capsys)
        assert (answered.code, answered.document["name"]) == (0, "executions/1")
        await until(executions, pb.EXECUTION_STATE_FINISHED)
        again = await called(answer_execution(address, "1", "Yes", Output(json=True)), capsys)
        assert (again.code, again.document["name"]) == (0, "executions/1")
        again = await called(answer_execution(address, "1", "No", Output()), capsys)
        assert (again.code, "executions/1 is finished, and waits for no answer" in again.error) == (2, True)


async def test_an_execution_is_followed_to_its_end() -> None:
    async with begun(waiting) as (executions, address):
        await until(executions, pb.EXECUTION_STATE_WAITING)
        env = {"AUTOFLOW_INTERPRETER_ADDRESS": address}
        following = await start("executions", "tail", "1", env=env)
        machine = await start("executions", "tail", "1", "--json", env=env)
        assert following.stderr is not None
        async with asyncio.timeout(DEADLINE):
            assert b"executions answer executions/1" in await following.stderr.readline()
        assert (await autoflow("executions", "answer", "1", "Yes", env=env)).code == 0
        told, events = await finish(following), await finish(machine)
    assert (told.code, events.code) == (0, 0)
    assert "answered: 5 steps, 4 calls" in told.out
    assert [event["sequence"] for event in events.records] == [0, 1, 2, 3]


@pytest.mark.parametrize("story", [undecided, broken])
async def test_what_does_not_end_well_is_not_well(story: Story, capsys: pytest.CaptureFixture[str]) -> None:
    async with begun(story) as (executions, address):
        if story is broken:
            await until(executions, pb.EXECUTION_STATE_WAITING)
            await called(answer_execution(address, "1", "Yes", Output()), capsys)
        told = await called(tail(address, "1"), capsys)
    assert told.code == 1
    if story is broken:
        assert r"executions/1 failed: the \x1b[2J model cannot be reached" in told.err
        # Its question was answered before anybody followed.
        assert "executions answer" not in told.err
    else:
        assert "undecided: 0 steps" in told.out


async def test_an_execution_is_cancelled_while_somebody_follows(capsys: pytest.CaptureFixture[str]) -> None:
    async with begun(waiting) as (executions, address):
        following = await start("executions", "tail", "1", "--interpreter", address)
        await until(executions, pb.EXECUTION_STATE_WAITING)
        cancelled = await called(cancel_execution(address, "1", Output()), capsys)
        told = await finish(following)
        late = await called(cancel_execution(address, "1", Output(json=True)), capsys)
    assert (cancelled.code, told.code, late.code) == (0, 1, 0)
    assert "executions/1 cancelled" in told.err
    async with begun(finished) as (executions, address):
        await until(executions, pb.EXECUTION_STATE_FINISHED)
        over = await called(cancel_execution(address, "1", Output()), capsys)
    assert (over.code, over.out) == (1, "executions/1 finished\n")


async def test_interrupting_a_tail_leaves_the_execution_as_it_is() -> None:
    async with begun(waiting) as (executions, address):
        await until(executions, pb.EXECUTION_STATE_WAITING)
        following = await start("executions", "tail", "1", "--interpreter", address)
        assert following.stderr is not None
        async with asyncio.timeout(DEADLINE):
            assert await following.stderr.readline()
        following.send_signal(signal.SIGINT)
        told = await finish(following)
        assert (told.code, "Traceback" in told.err) == (130, False)
        assert executions.executions["executions/1"].kept.state == pb.EXECUTION_STATE_WAITING


async def test_an_execution_that_is_not_there_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    async with begun(finished) as (_, address):
        for work in (
            show(address, "none"),
            tail(address, "none"),
            cancel_execution(address, "none", Output()),
            answer_execution(address, "none", "Yes", Output()),
        ):
            missing = await called(work, capsys)
            assert (missing.code, "there is no execution `executions/none`" in missing.error) == (2, True)
        malformed = await called(show(address, "No Such"), capsys)
    assert (malformed.code, "'No Such' is no name of an execution" in malformed.error) == (2, True)


async def test_where_no_interpreter_answers_the_command_says_what_to_do() -> None:
    told = await autoflow("executions", "list", "--interpreter", "127.0.0.1:1")
    assert told.code == 3
    assert told.error.startswith("autoflow: no interpreter answers at 127.0.0.1:1: start it by `autoflow up`")
