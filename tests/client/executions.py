"""An interpreter that tests of executions lose and find again, and what happens in its executions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from autoflow.client import Client, ClientSettings, InterpreterClient, RetrySettings
from autoflow.server import Listener, ServerSettings
from autoflow.testing import ScriptedExecutions
from autoflow.v1 import interpreter_service_pb2 as pb
from autoflow.v1.model_pb2 import ModelRef
from autoflow.v1.workflow_pb2 import Workflow

DEADLINE = 30.0
HASTY = ClientSettings(
    stream_timeout=DEADLINE, retry=RetrySettings(attempts=2, initial_backoff=0.01, max_backoff=0.05)
)
EXECUTE = pb.ExecuteWorkflowRequest(
    workflow=Workflow(source="Step 1:::terminal:::Answer."), query="q", model=ModelRef(model="m")
)
STEP = pb.ExecutionEvent(step_started=pb.StepStarted(step="Step 1"))
ANSWERED = pb.ExecutionEvent(step_answered=pb.StepAnswered(step="Step 1", answer="a"))
ASKED = pb.ExecutionEvent(person_asked=pb.PersonAsked(step="Step 1", question="Which?"))
FINISHED = pb.ExecutionEvent(
    finished=pb.ExecutionFinished(outcome=pb.EXECUTION_OUTCOME_ANSWERED, answer="a", steps=1)
)
# Of every tale: started, step, answer; step, finished.
BEFORE, ALL = 3, [0, 1, 2, 3, 4]


def goes_on() -> pb.ExecuteWorkflowRequest:
    """A request of an execution that does not end with the call."""
    request = pb.ExecuteWorkflowRequest()
    request.CopyFrom(EXECUTE)
    request.on_disconnect = pb.DISCONNECT_POLICY_CONTINUE
    return request


class Tale:
    """A story of two steps that stops before the second one until the test says `go_on`.

    Args:
        last: what comes at the end; an exception is the execution's error.
    """

    def __init__(self, last: pb.ExecutionEvent | Exception = FINISHED) -> None:
        self.go_on = asyncio.Event()
        self._last = last

    async def tell(self, request: pb.ExecuteWorkflowRequest) -> AsyncGenerator[pb.ExecutionEvent, str]:
        yield STEP
        yield ANSWERED
        await self.go_on.wait()
        yield STEP
        if isinstance(self._last, Exception):
            raise self._last
        yield self._last


class Place:
    """Where executions are served; the server can be lost and come back to the same port."""

    def __init__(self, executions: ScriptedExecutions) -> None:
        self.executions = executions
        self.address = "127.0.0.1:0"
        self._serving = AsyncExitStack()

    async def open(self, starting: asyncio.Event | None = None) -> None:
        """Serves them; refuses calls until it has started, which may be held up."""
        listener = Listener(ServerSettings(address=self.address))
        self.address = listener.address
        service = self.executions.service

        async def start() -> None:
            if starting is not None:
                await starting.wait()
            await service.start()

        running = await listener.serve(replace(service, start=start))
        await self._serving.enter_async_context(running)

    async def lose(self, *, abruptly: bool = True) -> None:
        """Ends the server; an abrupt end is told to nobody."""
        self.executions.abrupt = abruptly
        await self._serving.aclose()

    @property
    def methods(self) -> list[str]:
        return [method for method, _ in self.executions.calls]

    @property
    def state(self) -> pb.ExecutionState.ValueType:
        """Of the only execution."""
        (execution,) = self.executions.executions.values()
        return execution.kept.state

    async def until(self, state: pb.ExecutionState.ValueType) -> None:
        """Returns when the only execution is in that state."""
        await self.executions.until(lambda: self.state == state)


@asynccontextmanager
async def place(
    tale: Tale, kind: type[ScriptedExecutions] = ScriptedExecutions
) -> AsyncIterator[tuple[Place, InterpreterClient]]:
    """Serves executions of one story, and a client of them."""
    found = Place(kind(tale.tell))
    await found.open()
    try:
        async with Client(interpreter=found.address, settings=HASTY) as client:
            yield found, client.interpreter
    finally:
        await found.lose()


async def take(events: AsyncGenerator[pb.ExecutionEvent], count: int) -> list[int]:
    """The sequences of the next events."""
    return [(await anext(events)).sequence for _ in range(count)]


async def rest(events: AsyncGenerator[pb.ExecutionEvent]) -> list[int]:
    """The sequences of all that are left."""
    return [event.sequence async for event in events]
