"""Executions as the interpreter is asked for them: what it says of them, and by which id it knows them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

import autoflow_interpreter
from autoflow.client import Client
from autoflow.llm.base import Message, ModelUnavailable
from autoflow.suites import Allowance, Split
from autoflow.testing import ScriptedModel, catalogue_of, serving
from autoflow.v1.interpreter_service_pb2 import GetExecutionRequest, ListExecutionsRequest
from autoflow_worker.ports import CallFailed
from autoflow_worker.remote_interpreter import RemoteInterpreter
from tests.worker.doubles import suite, workflow

SUITE = suite()
FIRST, SECOND, *_ = SUITE.tasks(Split.TRAIN)
PLAN = workflow("Name the models.")


@dataclass
class Served:
    """A real interpreter whose model is scripted."""

    client: Client
    calls: int = 0

    def worker(self, run: str = "runs/a", temperature: float = 0.0) -> RemoteInterpreter:
        """A worker's side of it."""
        return RemoteInterpreter(*(self.client.interpreter, "m", "", SUITE), temperature=temperature, run=run)

    async def kept(self) -> int:
        """How many executions it keeps."""
        return len([one async for one in self.client.interpreter.list_executions(ListExecutionsRequest())])


@asynccontextmanager
async def served(home: Path, begin: Callable[[int], Awaitable[None]] | None = None) -> AsyncIterator[Served]:
    """An interpreter.

    Args:
        home: where it keeps executions.
        begin: awaited before each call of the model, by its number from 1.
    """

    async def say(messages: Sequence[Message]) -> str:
        here.calls += 1
        number = here.calls
        if begin is not None:
            await begin(number)
        return f"Alpha, call {number}"

    async with AsyncExitStack() as stack:
        kept = {"AUTOFLOW_INTERPRETER_DATA": str(home)}
        service = autoflow_interpreter.build(kept, catalogue_of(ScriptedModel(say, name="m")))
        address = await stack.enter_async_context(serving(service))
        here = Served(await stack.enter_async_context(Client(interpreter=address)))
        yield here


async def test_an_execution_tells_its_steps_and_its_cost(tmp_path: Path) -> None:
    async with served(tmp_path) as here:
        found = await here.worker().execute(PLAN, FIRST)
    assert [(step.name, step.instruction, step.answer) for step in found.steps] == [
        ("Step 1", "Begin", "Alpha, call 1"),
        ("Step 2", "Name the models.", "Alpha, call 2"),
    ]
    assert found.answer == "Alpha, call 2"
    assert (found.usage.calls, found.tool_calls, found.limited) == (2, 0, False)
    assert found.seconds > 0


async def test_another_worker_of_the_run_is_told_what_was_executed(tmp_path: Path) -> None:
    async with served(tmp_path) as here:
        first = await here.worker().execute(PLAN, FIRST)
        assert await here.worker().execute(PLAN, FIRST) == first
        assert (here.calls, await here.kept()) == (2, 1)


@pytest.mark.parametrize("other", ["run", "task", "workflow", "seed", "temperature", "nobody"])
async def test_whatever_differs_is_another_execution(tmp_path: Path, other: str) -> None:
    async with served(tmp_path) as here:
        await here.worker("" if other == "nobody" else "runs/a").execute(PLAN, FIRST)
        run = {"run": "runs/b", "nobody": ""}.get(other, "runs/a")
        worker = here.worker(run, temperature=0.5 if other == "temperature" else 0.0)
        await worker.execute(
            workflow("Name a model.") if other == "workflow" else PLAN,
            SECOND if other == "task" else FIRST,
            seed=7 if other == "seed" else 0,
        )
        assert await here.kept() == 2


async def test_what_was_in_flight_when_its_worker_was_lost_is_executed_anew(tmp_path: Path) -> None:
    begun = asyncio.Event()

    async def begin(number: int) -> None:
        if number == 2:
            begun.set()
            await asyncio.Event().wait()

    async with served(tmp_path, begin) as here:
        lost = asyncio.create_task(here.worker().execute(PLAN, FIRST))
        async with asyncio.timeout(30):
            await begun.wait()
            lost.cancel()
            found = await here.worker().execute(PLAN, FIRST)
            # Whoever comes third is told what the second one executed.
            assert await here.worker().execute(PLAN, FIRST) == found
        assert (here.calls, await here.kept()) == (4, 2)


async def test_a_worker_that_comes_after_an_outage_is_not_told_of_failures_alone(tmp_path: Path) -> None:
    away = True

    async def begin(number: int) -> None:
        if away:
            raise ModelUnavailable("the model is away")

    async with served(tmp_path, begin) as here:
        for worker in (here.worker(), here.worker()):
            for _ in range(4):
                with pytest.raises(CallFailed):
                    await worker.execute(PLAN, FIRST)
        away = False
        worker = here.worker()
        for _ in range(2):
            with pytest.raises(CallFailed):
                await worker.execute(PLAN, FIRST)
        assert (await worker.execute(PLAN, FIRST)).answer


async def test_temperature_and_seed_are_asked_for_and_are_else_left_out(tmp_path: Path) -> None:
    async with served(tmp_path) as here:
        await here.worker(temperature=0.5).execute(PLAN, FIRST, seed=2**47)
        await here.worker().execute(PLAN, FIRST)
        asked = [
            (
                await here.client.interpreter.get_execution(GetExecutionRequest(name=one.name))
            ).execution.request
            async for one in here.client.interpreter.list_executions(ListExecutionsRequest())
        ]
    greedy, sampled = asked
    assert not greedy.HasField("sampling")
    assert (sampled.sampling.temperature, sampled.sampling.seed) == (0.5, 2**47)


@pytest.mark.parametrize(("steps", "limited"), [(1, True), (8, False)])
async def test_an_execution_that_ends_at_a_limit_says_so(tmp_path: Path, steps: int, limited: bool) -> None:
    suite_of_few_steps = replace(SUITE, allowance=Allowance(steps=steps))
    async with served(tmp_path) as here:
        worker = RemoteInterpreter(here.client.interpreter, "m", "", suite_of_few_steps)
        found = await worker.execute(PLAN, FIRST)
    assert (found.limited, found.answer is None) == (limited, limited)
    assert found.cost.limited == limited
