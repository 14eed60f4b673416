"""An interpreter that keeps executions, whose events come from a script.

Executions belong to the object and not to its server: they go on while a server is away, as those of a real
interpreter do on another server of the same database. Nothing is executed, and limits do not count.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from functools import partial
from typing import TypeAlias

import grpc
from google.protobuf.message import Message

from autoflow import errors
from autoflow.server import Endpoint, Service
from autoflow.v1 import interpreter_service_pb2 as pb
from autoflow.v1.interpreter_service_pb2_grpc import (
    InterpreterServiceServicer,
    add_InterpreterServiceServicer_to_server,
)

Context: TypeAlias = "grpc.aio.ServicerContext[object, object]"
Story: TypeAlias = Callable[[pb.ExecuteWorkflowRequest], AsyncGenerator[pb.ExecutionEvent, str]]
"""What happens after `started`; where it yields `person_asked`, it is sent the answer. What it raises is the
error of the execution."""

_PATIENCE = 30.0
_PAGE = 50
_BEGINNING = 200
"""Characters of a query in a list."""


class KeptExecution:
    """One execution: what is told of it, and what has happened.

    Args:
        name: `executions/<id>`.
        request: what was asked for.
        changed: is notified of everything that happens.
    """

    def __init__(self, name: str, request: pb.ExecuteWorkflowRequest, changed: asyncio.Condition) -> None:
        self.kept = pb.Execution(
            name=name,
            state=pb.EXECUTION_STATE_RUNNING,
            request=request,
            query_beginning=request.query[:_BEGINNING],
            model=request.model,
        )
        self.kept.create_time.GetCurrentTime()
        self.events: list[pb.ExecutionEvent] = []
        self.error: Exception | None = None
        self._changed = changed
        self._answer: asyncio.Future[str] | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def over(self) -> bool:
        """Whether nothing happens any more."""
        return self.kept.HasField("end_time")

    def begin(self, story: AsyncGenerator[pb.ExecutionEvent, str]) -> None:
        """Lets it happen."""
        self._task = asyncio.create_task(self._happen(story))

    def cancel(self) -> None:
        """Ends it where it stands."""
        if self._task is not None:
            self._task.cancel()

    def answer(self, sequence: int, answer: str) -> None:
        """Answers its question.

        Raises:
            FailedPrecondition: it does not wait with that question.
        """
        if self._answer is None or self.kept.question_sequence != sequence:
            raise errors.FailedPrecondition(f"`{self.kept.name}` does not wait with question {sequence}")
        self._answer.set_result(answer)
        self._answer = None

    async def tell(self, first: int) -> AsyncGenerator[pb.ExecutionEvent]:
        """Yields the events from one on, those to come too, and raises the execution's error."""
        told = first

        def is_more() -> bool:
            return self.over or len(self.events) > told

        while not self.over or told < len(self.events):
            async with self._changed:
                await self._changed.wait_for(is_more)
            for event in self.events[told:]:
                yield event
                told += 1
        if self.error is not None:
            raise self.error

    async def _happen(self, story: AsyncGenerator[pb.ExecutionEvent, str]) -> None:
        state = pb.EXECUTION_STATE_FINISHED
        try:
            await self._store(pb.ExecutionEvent(started=_started(self.kept)))
            event = await anext(story)
            while True:
                await self._store(event)
                sent = await self._ask(event) if event.HasField("person_asked") else ""
                event = await story.asend(sent)
        except StopAsyncIteration:
            pass
        except asyncio.CancelledError:
            state = pb.EXECUTION_STATE_CANCELLED
            self.error = errors.Cancelled(f"`{self.kept.name}` was cancelled")
        except Exception as error:
            state, self.error = pb.EXECUTION_STATE_FAILED, error
            self.kept.error.message = str(error)
        finally:
            self.kept.state = state
            self.kept.end_time.GetCurrentTime()
            await story.aclose()
            await self._notify()

    async def _ask(self, event: pb.ExecutionEvent) -> str:
        self._answer = asyncio.get_running_loop().create_future()
        self.kept.state = pb.EXECUTION_STATE_WAITING
        self.kept.question.CopyFrom(event.person_asked)
        self.kept.question_sequence = self.events[-1].sequence
        await self._notify()
        answer = await self._answer
        self.kept.state = pb.EXECUTION_STATE_RUNNING
        self.kept.ClearField("question")
        told = pb.PersonAnswered(step=event.person_asked.step, answer=answer)
        await self._store(pb.ExecutionEvent(person_answered=told))
        return answer

    async def _store(self, event: pb.ExecutionEvent) -> None:
        stored = pb.ExecutionEvent()
        stored.CopyFrom(event)
        stored.sequence = len(self.events)
        if not stored.HasField("time"):
            stored.time.FromNanoseconds(time.time_ns())
        self.events.append(stored)
        self.kept.events = len(self.events)
        self.kept.update_time.CopyFrom(stored.time)
        if stored.HasField("finished"):
            self.kept.finished.CopyFrom(stored.finished)
        await self._notify()

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()


def _started(kept: pb.Execution) -> pb.ExecutionStarted:
    request = kept.request
    return pb.ExecutionStarted(
        execution=kept.name,
        protocol=request.protocol or pb.EXECUTION_PROTOCOL_FUSED,
        prompt_version="none",
        memory=request.memory or pb.MEMORY_STRATEGY_APPEND,
        step_tools=request.step_tools,
    )


class ScriptedExecutions(InterpreterServiceServicer):
    """Answers what InterpreterService has about executions.

    Make it inside the event loop that uses it. It may be served, lose its server and be served again: a call
    that a server cuts off when it stops is lost, and no disconnect.

    Args:
        story: what happens in executions.

    Attributes:
        executions: every one, in the order in which they began.
        calls: name of the method and request of every call, in the order in which they came.
    """

    def __init__(self, story: Story) -> None:
        self._story = story
        self._stopping = False
        self._changed = asyncio.Condition()
        self.executions: dict[str, KeptExecution] = {}
        self.calls: list[tuple[str, Message]] = []

    @property
    def service(self) -> Service:
        """What `autoflow.testing.serving` takes, as often as it is wanted."""
        register = partial(add_InterpreterServiceServicer_to_server, self)
        endpoint = Endpoint("autoflow.v1.InterpreterService", register)
        return Service("interpreter", (endpoint,), start=self._come, drain=self._go)

    async def ExecuteWorkflow(
        self, request: pb.ExecuteWorkflowRequest, context: Context
    ) -> AsyncGenerator[pb.ExecuteWorkflowResponse]:
        """Begins an execution, or attaches to the one of the same request id."""
        await self._record("ExecuteWorkflow", request)
        execution = self._begun(request)
        try:
            async with aclosing(execution.tell(0)) as events:
                async for event in events:
                    yield pb.ExecuteWorkflowResponse(event=event)
        except (asyncio.CancelledError, GeneratorExit):
            waits = execution.kept.state == pb.EXECUTION_STATE_WAITING
            goes_on = request.on_disconnect == pb.DISCONNECT_POLICY_CONTINUE
            if not (self._stopping or waits or goes_on):
                execution.cancel()
            raise

    async def WatchExecution(
        self, request: pb.WatchExecutionRequest, context: Context
    ) -> AsyncGenerator[pb.WatchExecutionResponse]:
        """Tells what has happened, and what happens."""
        await self._record("WatchExecution", request)
        async with aclosing(self._found(request.name).tell(request.from_sequence)) as events:
            async for event in events:
                yield pb.WatchExecutionResponse(event=event)

    async def GetExecution(
        self, request: pb.GetExecutionRequest, context: Context
    ) -> pb.GetExecutionResponse:
        """Returns an execution."""
        await self._record("GetExecution", request)
        return pb.GetExecutionResponse(execution=self._found(request.name).kept)

    async def ListExecutions(
        self, request: pb.ListExecutionsRequest, context: Context
    ) -> pb.ListExecutionsResponse:
        """Returns a page; its token is how many came before the next one."""
        await self._record("ListExecutions", request)
        every = [found.kept for found in reversed(self.executions.values())]
        wanted = [kept for kept in every if request.state in (0, kept.state)]
        start, size = int(request.page_token or 0), request.page_size or _PAGE
        answer = pb.ListExecutionsResponse(executions=wanted[start : start + size])
        for kept in answer.executions:
            kept.ClearField("request")
        if start + size < len(wanted):
            answer.next_page_token = str(start + size)
        return answer

    async def CancelExecution(
        self, request: pb.CancelExecutionRequest, context: Context
    ) -> pb.CancelExecutionResponse:
        """Cancels an execution."""
        await self._record("CancelExecution", request)
        execution = self._found(request.name)
        execution.cancel()
        return pb.CancelExecutionResponse(execution=execution.kept)

    async def ResumeExecution(
        self, request: pb.ResumeExecutionRequest, context: Context
    ) -> pb.ResumeExecutionResponse:
        """Answers a question."""
        await self._record("ResumeExecution", request)
        execution = self._found(request.name)
        execution.answer(request.question_sequence, request.answer)
        return pb.ResumeExecutionResponse(execution=execution.kept)

    async def ExecutePlan(self, request: pb.ExecutePlanRequest, context: Context) -> pb.ExecutePlanResponse:
        """Executes nothing."""
        return pb.ExecutePlanResponse(outcome=pb.PLAN_OUTCOME_NO_PLAN)

    async def ListTools(
        self, request: pb.InterpreterServiceListToolsRequest, context: Context
    ) -> pb.InterpreterServiceListToolsResponse:
        """Knows no tools."""
        return pb.InterpreterServiceListToolsResponse()

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Returns when something is so that a call or an event brings about.

        Raises:
            TimeoutError: it did not come about within 30 seconds.
        """
        async with asyncio.timeout(_PATIENCE), self._changed:
            await self._changed.wait_for(is_so)

    async def _record(self, method: str, request: Message) -> None:
        self.calls.append((method, request))
        async with self._changed:
            self._changed.notify_all()

    def _begun(self, request: pb.ExecuteWorkflowRequest) -> KeptExecution:
        for known in self.executions.values():
            if request.request_id and known.kept.request.request_id == request.request_id:
                return known
        execution = KeptExecution(f"executions/{len(self.executions) + 1}", request, self._changed)
        self.executions[execution.kept.name] = execution
        execution.begin(self._story(request))
        return execution

    def _found(self, name: str) -> KeptExecution:
        if name not in self.executions:
            raise errors.NotFound(f"there is no execution `{name}`")
        return self.executions[name]

    async def _come(self) -> None:
        self._stopping = False

    async def _go(self) -> None:
        self._stopping = True
