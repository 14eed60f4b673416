"""An interpreter that keeps executions, whose events come from a script.

Executions belong to the object and not to its server: they go on while a server is away, as those of a real
interpreter do on another server of the same database. Nothing is executed, and limits do not count.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from functools import partial
from typing import TypeAlias

import grpc
from google.protobuf.message import Message

from autoflow import errors
from autoflow.server import Endpoint, Service
from autoflow.testing.kept_execution import KeptExecution, Story
from autoflow.v1 import interpreter_service_pb2 as pb
from autoflow.v1.interpreter_service_pb2_grpc import (
    InterpreterServiceServicer,
    add_InterpreterServiceServicer_to_server,
)

Context: TypeAlias = "grpc.aio.ServicerContext[object, object]"

_PATIENCE = 30.0
_PAGE = 50


class ScriptedExecutions(InterpreterServiceServicer):
    """Answers what InterpreterService has about executions.

    Make it inside the event loop that uses it. It may be served, lose its server and be served again: a call
    that a server cuts off when it stops is lost, and no disconnect. Unless a server ends abruptly, it tells
    its calls.

    Args:
        story: what happens in executions.

    Attributes:
        abrupt: whether the next end of a server is that of a lost one.
        executions: every one, in the order in which they began.
        calls: name of the method and request of every call, in the order in which they came.
    """

    def __init__(self, story: Story) -> None:
        self._story = story
        self._stopping = False
        self._changed = asyncio.Condition()
        self.abrupt = False
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
            async with aclosing(execution.tell(0, self._tells_of_its_end)) as events:
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
        execution = self._found(request.name)
        async with aclosing(execution.tell(request.from_sequence, self._tells_of_its_end)) as events:
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

    def _tells_of_its_end(self) -> bool:
        return self._stopping and not self.abrupt

    async def _come(self) -> None:
        self._stopping = False

    async def _go(self) -> None:
        self._stopping = True
        async with self._changed:
            self._changed.notify_all()
