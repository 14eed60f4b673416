"""What a server does with executions that it holds, at instants that are hard to meet from outside."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from autoflow_interpreter.events import Finished, PersonAsked, StepAnswered, StepStarted
from autoflow_interpreter.executions.executions import Executions
from autoflow_interpreter.executions.model import Execution, ExecutionState
from autoflow_interpreter.executions.store import ExecutionStore
from autoflow_interpreter.journal import Recorder
from autoflow_interpreter.past import Past
from tests.interpreter.kept.houses import ASKED, DONE, MOST, NEW, ending, hanging, house
from tests.interpreter.kept.servers import until


async def test_one_that_is_cancelled_before_its_first_step_ends_and_makes_room(url: str) -> None:
    async with house(url) as here:
        for number in range(2 * MOST):
            new = replace(NEW, id=f"e{number}")
            execution, _ = await here.runner.begin(new, hanging())
            held = here.runner.get(execution.id)
            assert held is not None
            # Its task has been made, and has not run yet.
            held.end(cancelled=True)
            kept = await here.until_in(execution, ExecutionState.CANCELLED)
            assert kept.events == 0
        assert here.admission.free == MOST


async def test_a_call_that_is_cancelled_while_its_execution_is_stored_cancels_it(url: str) -> None:
    async with house(url) as here:
        for turn in range(40):
            beginning = asyncio.create_task(here.begin(hanging()))
            for _ in range(turn):
                await asyncio.sleep(0)
            beginning.cancel()
            await asyncio.wait([beginning])
            if not beginning.cancelled():
                held = here.runner.get(beginning.result().id)
                assert held is not None
                held.end(cancelled=True)

            async def all_ended() -> bool:
                running = await here.store.page(None, 1, ExecutionState.RUNNING)
                return here.admission.free == MOST and not running

            await until(all_ended)


@pytest.mark.parametrize(
    ("end", "state"),
    [(DONE, ExecutionState.FINISHED), (ASKED, ExecutionState.WAITING)],
    ids=["end", "question"],
)
async def test_nobody_breaks_off_the_writing_of_how_it_ended(
    url: str, end: Finished | PersonAsked, state: ExecutionState
) -> None:
    stored = asyncio.Event()
    async with house(url) as here:
        execution = await here.begin(ending(end, stored.wait))
        watched = asyncio.create_task(sequences(here.executions, execution.id, 2))
        await here.appends.waiting.wait()
        here.appends.open.clear()
        here.appends.waiting.clear()
        stored.set()
        await here.appends.waiting.wait()
        held = here.runner.get(execution.id)
        assert held is not None
        held.end(cancelled=True)
        here.appends.open.set()
        kept = await here.until_in(execution, state)
        assert await watched == [0, 1]

    assert kept.events == 2


async def sequences(executions: Executions, execution_id: str, count: int) -> list[int]:
    """Of the first events."""
    found = []
    async for sequence, _ in executions.watch(execution_id):
        found.append(sequence)
        if len(found) == count:
            break
    return found


async def test_what_cannot_be_stored_does_not_fail_and_is_taken_up_again(url: str) -> None:
    stored = asyncio.Event()
    async with house(url) as here:
        execution = await here.begin(ending(DONE, stored.wait))
        await until_events(here.store, execution, 1)
        here.appends.away = True
        stored.set()

        async def is_let_go() -> bool:
            return here.runner.get(execution.id) is None

        await until(is_let_go)
        kept = await here.store.get(execution.id)
        assert (kept.state, kept.events) == (ExecutionState.RUNNING, 1)
        here.appends.away = False
        # Its lease is over.
        await here.store.release([(kept.id, kept.token)])
        kept = await here.until_in(execution, ExecutionState.FINISHED)

    assert kept.resumptions == 1


async def until_events(store: ExecutionStore, execution: Execution, count: int) -> None:
    async def is_so() -> bool:
        return (await store.get(execution.id)).events == count

    await until(is_so)


async def test_what_is_known_is_stored_before_it_is_handed_over(url: str) -> None:
    answered = asyncio.Event()
    async with house(url) as here:

        async def run(execution_id: str, past: Past, recorder: Recorder) -> Finished:
            recorder.record(StepStarted("Step 1", 0))
            await recorder.settle()
            here.appends.open.clear()
            here.appends.waiting.clear()
            recorder.record(StepAnswered("Step 1", "under way to the database"))
            await here.appends.waiting.wait()
            recorder.record(StepAnswered("Step 1", "not yet"))
            answered.set()
            await asyncio.Event().wait()
            return DONE

        execution = await here.begin(run)
        await answered.wait()
        stopping = asyncio.create_task(here.runner.stop())
        for _ in range(20):
            await asyncio.sleep(0)
        here.appends.open.set()
        await stopping
        assert (await here.store.get(execution.id)).events == 3


async def test_one_that_is_taken_over_by_the_same_server_has_one_holder(url: str) -> None:
    ended = asyncio.Event()
    async with house(url, ending(DONE, ended.wait)) as here:
        execution = await here.begin(hanging())
        before = here.runner.get(execution.id)
        await until_events(here.store, execution, 1)
        # It wakes up after its lease was over, and looks for what is lost before it hears of its own loss.
        await here.store.release([(execution.id, execution.token)])
        (lost,) = await here.store.claim("me", datetime.now(UTC), datetime(2100, 1, 1, tzinfo=UTC), 9)
        await here.runner.take_or_release(lost, lost=True)

        async def is_alone() -> bool:
            return here.admission.free == MOST - 1

        await until(is_alone)
        after = here.runner.get(execution.id)
        assert after is not before
        assert after is not None
        ended.set()
        await here.until_in(execution, ExecutionState.FINISHED)
        assert here.admission.free == MOST


async def test_a_server_that_is_to_stop_takes_nothing_over(url: str) -> None:
    async with house(url) as here:
        here.runner.stopping = True
        lost = await here.begin(ending())
        lost = await here.until_in(lost, ExecutionState.FINISHED)
        await here.store.insert(replace(lost, id="lost"), "another", datetime(1970, 1, 1, tzinfo=UTC))
        await asyncio.sleep(0.2)
        assert (await here.store.get("lost")).resumptions == 0
        here.runner.stopping = False
        await here.until_in(replace(lost, id="lost"), ExecutionState.FINISHED)


async def test_nothing_is_shown_before_it_is_stored(url: str) -> None:
    async with house(url) as here:
        here.appends.open.clear()
        execution = await here.begin(ending())
        watched = asyncio.create_task(sequences(here.executions, execution.id, 2))
        await here.appends.waiting.wait()
        for _ in range(20):
            await asyncio.sleep(0.005)
        assert (await here.store.get(execution.id)).events == 0
        assert not watched.done()
        held = here.runner.get(execution.id)
        assert held is not None
        assert held.live.next == 0
        here.appends.open.set()
        assert await watched == [0, 1]
