"""A server's executions without its wire, over a real database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from autoflow.admission import Admission
from autoflow.errors import Unavailable
from autoflow.llm import Usage
from autoflow_interpreter.convert import Wire
from autoflow_interpreter.events import Finished, Outcome, PersonAsked, StepStarted
from autoflow_interpreter.executions.carrying import Carrier, Run
from autoflow_interpreter.executions.executions import Begun, Executions
from autoflow_interpreter.executions.model import Append, Appended, Execution, ExecutionState
from autoflow_interpreter.executions.runner import Runner, RunnerSettings
from autoflow_interpreter.executions.store import ExecutionStore
from autoflow_interpreter.executions.writer import GroupWriter
from autoflow_interpreter.journal import Recorder
from autoflow_interpreter.past import Past
from tests.interpreter.kept.servers import store_of, until

DONE = Finished(Outcome.ANSWERED, "done", "", 1, Usage())
ASKED = PersonAsked("Step 1", "Where to?", (), datetime(2100, 1, 1, tzinfo=UTC))
BEGUN = Begun(b"", "", "a query", "a model", "")
NEW = Execution("new", None, ExecutionState.RUNNING, b"", "", "", "", datetime.now(UTC), datetime.now(UTC))
MOST = 3


class Appends:
    """Passes appends on to a store, when the test says so.

    Make it inside the event loop that uses it.
    """

    def __init__(self, store: ExecutionStore) -> None:
        self._store = store
        self.open = asyncio.Event()
        self.open.set()
        self.waiting = asyncio.Event()
        self.away = False

    async def append(self, batch: Sequence[Append]) -> list[Appended]:
        """Stores them."""
        if self.away:
            raise Unavailable("the database cannot be reached")
        self.waiting.set()
        await self.open.wait()
        return await self._store.append(batch)


class House:
    """A server's executions, without its wire.

    Args:
        store: where they are kept.
        resumed: carries out what is taken over.
    """

    def __init__(self, store: ExecutionStore, resumed: Run) -> None:
        async def resume(request: bytes, past: Past) -> Run:
            return resumed

        self.store = store
        self.appends = Appends(store)
        self.admission = Admission(MOST, "executions")
        writer = GroupWriter(self.appends, patience=0.2)
        self.runner = Runner(
            store,
            writer,
            Carrier(store, writer, Wire(), resume),
            admission=self.admission,
            settings=RunnerSettings("me", timedelta(seconds=30), 0.05, timedelta(days=1), 99),
            now=lambda: datetime.now(UTC),
        )
        self.executions = Executions(store, self.runner, now=lambda: datetime.now(UTC), poll=0.01)

    async def begin(self, run: Run) -> Execution:
        """Begins an execution for a call that owns it."""
        return await self.executions.begin(BEGUN, run, owned=True)

    async def until_in(self, execution: Execution, state: ExecutionState) -> Execution:
        """Returns when an execution is in a state and nobody holds it."""

        async def is_so() -> bool:
            found = await self.store.get(execution.id)
            return found.state is state and self.runner.get(execution.id) is None

        await until(is_so)
        return await self.store.get(execution.id)


@asynccontextmanager
async def house(
    url: str, resumed: Run | None = None, kind: type[ExecutionStore] = ExecutionStore
) -> AsyncIterator[House]:
    """Carries executions out; what is taken over is carried out by `resumed`."""
    async with store_of(url, kind) as store:
        await store.migrate()
        made = House(store, resumed or ending())
        made.runner.start()
        try:
            yield made
        finally:
            made.appends.open.set()
            await made.runner.stop()


def ending(end: Finished | PersonAsked = DONE, before: Callable[[], Awaitable[object]] | None = None) -> Run:
    """Takes one step, waits, and ends."""

    async def run(execution_id: str, past: Past, recorder: Recorder) -> Finished | PersonAsked:
        recorder.record(StepStarted("Step 1", 0))
        await recorder.settle()
        if before is not None:
            await before()
        return end

    return run


def hanging() -> Run:
    """Takes one step, and never ends."""
    return ending(before=asyncio.Event().wait)
