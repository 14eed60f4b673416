"""The interpreter on the wire."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from operator import attrgetter
from typing import Any, TypeAlias

import grpc
from google.rpc.status_pb2 import Status

from autoflow import paging
from autoflow.server.errors import KeptFailure
from autoflow.tools.convert import tools_to_proto
from autoflow.v1 import interpreter_service_pb2 as pb
from autoflow.v1 import interpreter_service_pb2_grpc
from autoflow_interpreter.convert import execution_to_proto, state_from_proto, stored_event
from autoflow_interpreter.executions.executions import ExecutionFailed, Executions
from autoflow_interpreter.executions.model import NewEvent
from autoflow_interpreter.interpreter import Interpreter
from autoflow_interpreter.plan_convert import plan_result_to_proto, plan_target_from_proto
from autoflow_interpreter.stored import StoredRequests

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
_EXECUTIONS = "executions"


class InterpreterServicer(interpreter_service_pb2_grpc.InterpreterServiceServicer):
    """Answers InterpreterService.

    Args:
        interpreter: executes plans, and knows tools.
        executions: those that are kept.
        requests: makes what carries a request out.
    """

    def __init__(self, interpreter: Interpreter, executions: Executions, requests: StoredRequests) -> None:
        self._interpreter = interpreter
        self._executions = executions
        self._requests = requests

    async def ExecuteWorkflow(
        self, request: pb.ExecuteWorkflowRequest, context: Context
    ) -> AsyncGenerator[pb.ExecuteWorkflowResponse, None]:
        """Executes one workflow on one task and streams what happens."""
        begun = self._requests.begun(request)
        execution = await self._executions.known(begun)
        owned = request.on_disconnect != pb.DISCONNECT_POLICY_CONTINUE
        if execution is None:
            begun, run = await self._requests.new(begun, request)
            execution = await self._executions.begin(begun, run, owned=owned)
        async with aclosing(_messages(self._executions.follow(execution, owned=owned))) as events:
            async for event in events:
                yield pb.ExecuteWorkflowResponse(event=event)

    async def WatchExecution(
        self, request: pb.WatchExecutionRequest, context: Context
    ) -> AsyncGenerator[pb.WatchExecutionResponse, None]:
        """Streams the events of an execution."""
        watched = self._executions.watch(_id(request.name), request.from_sequence)
        async with aclosing(_messages(watched)) as events:
            async for event in events:
                yield pb.WatchExecutionResponse(event=event)

    async def GetExecution(
        self, request: pb.GetExecutionRequest, context: Context
    ) -> pb.GetExecutionResponse:
        """Returns an execution."""
        execution = await self._executions.get(_id(request.name))
        return pb.GetExecutionResponse(execution=execution_to_proto(execution))

    async def ListExecutions(
        self, request: pb.ListExecutionsRequest, context: Context
    ) -> pb.ListExecutionsResponse:
        """Lists executions."""
        size = paging.page_size(request.page_size)
        before = paging.page_start(request.page_token, _EXECUTIONS)
        found = await self._executions.page(before, size + 1, state_from_proto(request.state))
        shown, next_token = paging.cut(found, size, _EXECUTIONS, attrgetter("place"))
        return pb.ListExecutionsResponse(
            executions=map(execution_to_proto, shown), next_page_token=next_token
        )

    async def CancelExecution(
        self, request: pb.CancelExecutionRequest, context: Context
    ) -> pb.CancelExecutionResponse:
        """Wants an execution cancelled."""
        execution = await self._executions.cancel(_id(request.name))
        return pb.CancelExecutionResponse(execution=execution_to_proto(execution))

    async def ResumeExecution(
        self, request: pb.ResumeExecutionRequest, context: Context
    ) -> pb.ResumeExecutionResponse:
        """Answers the question that an execution waits with."""
        execution_id = _id(request.name)
        waiting = execution_to_proto(await self._executions.get(execution_id))
        answered = pb.PersonAnswered(step=waiting.question.step, answer=request.answer)
        event = pb.ExecutionEvent(person_answered=answered)
        event.time.FromNanoseconds(now_ns := time.time_ns())
        execution = await self._executions.answer(
            execution_id,
            request.question_sequence,
            request.answer,
            NewEvent(now_ns, event.SerializeToString()),
        )
        return pb.ResumeExecutionResponse(execution=execution_to_proto(execution))

    async def ExecutePlan(self, request: pb.ExecutePlanRequest, context: Context) -> pb.ExecutePlanResponse:
        """Executes a plan on samples."""
        result = await self._interpreter.execute_plan(request.plan, plan_target_from_proto(request))
        return plan_result_to_proto(result)

    async def ListTools(
        self, request: pb.InterpreterServiceListToolsRequest, context: Context
    ) -> pb.InterpreterServiceListToolsResponse:
        """Lists the tools of all sources."""
        return tools_to_proto(await self._interpreter.list_tools())


async def _messages(stored: AsyncGenerator[tuple[int, bytes]]) -> AsyncGenerator[pb.ExecutionEvent]:
    async with aclosing(stored):
        try:
            async for sequence, payload in stored:
                yield stored_event(sequence, payload)
        except ExecutionFailed as error:
            raise KeptFailure(Status.FromString(error.failure.status)) from None


def _id(name: str) -> str:
    return name.removeprefix("executions/")
