"""The client of the service that executes workflows."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator

import grpc

from autoflow.client._calls import Calls
from autoflow.client._executions import ExecutionCalls
from autoflow.client._following import Following
from autoflow.client.settings import ClientSettings
from autoflow.v1.interpreter_service_pb2 import (
    CancelExecutionRequest,
    CancelExecutionResponse,
    ExecutePlanRequest,
    ExecutePlanResponse,
    ExecuteWorkflowRequest,
    Execution,
    ExecutionEvent,
    GetExecutionRequest,
    GetExecutionResponse,
    InterpreterServiceListToolsRequest,
    InterpreterServiceListToolsResponse,
    ListExecutionsRequest,
    ResumeExecutionRequest,
    ResumeExecutionResponse,
    WatchExecutionRequest,
)
from autoflow.v1.interpreter_service_pb2_grpc import InterpreterServiceStub

FULL_NAME = "autoflow.v1.InterpreterService"


class InterpreterClient:
    """Calls InterpreterService.

    Every method raises an `autoflow.client.errors.RpcError` where the call fails. `timeout` is in seconds;
    without it the settings' own counts. A stream is cancelled by closing its generator
    (`contextlib.aclosing`), which whoever leaves early has to do.

    Args:
        channel: to the service.
        settings: the deadlines.
    """

    def __init__(self, channel: grpc.aio.Channel, settings: ClientSettings) -> None:
        self._stub = InterpreterServiceStub(channel)
        self._calls = Calls(FULL_NAME, settings)
        self._executions = ExecutionCalls(channel, self._calls)
        self._settings = settings

    def execute_workflow(
        self, request: ExecuteWorkflowRequest, *, timeout: float | None = None
    ) -> AsyncGenerator[ExecutionEvent]:
        """Executes a workflow on a task; yields what happens, each event once, at last `finished`.

        Where the server is lost meanwhile, it attaches to the execution again, there or at another server of
        the same database, and goes on after the last event. A request without `request_id` is sent with a
        fresh one. Closing the generator early, or running out of time, is what `on_disconnect` is about.

        Args:
            request: the workflow, the task and how to execute it.
            timeout: seconds for all of it; without it the settings' own for streams.

        Raises:
            Cancelled: somebody cancelled the execution.
            DeadlineExceeded: it did not end in time.
            RpcError: it could not begin, or failed.
        """
        if not request.request_id:
            identified = ExecuteWorkflowRequest(request_id=str(uuid.uuid4()))
            identified.MergeFrom(request)
            request = identified
        return Following(self._executions, self._settings, timeout, begin=request).follow()

    async def get_execution(
        self, request: GetExecutionRequest, *, timeout: float | None = None
    ) -> GetExecutionResponse:
        """Returns an execution."""
        return await self._calls.unary(self._stub.GetExecution, "GetExecution", request, timeout)

    async def list_executions(
        self, request: ListExecutionsRequest, *, timeout: float | None = None
    ) -> AsyncGenerator[Execution]:
        """Yields executions, the newest first, without their requests; fetches page after page.

        Args:
            request: which; `page_size` is how many are fetched at a time.
            timeout: seconds for each page.
        """
        page = ListExecutionsRequest()
        page.CopyFrom(request)
        while True:
            answer = await self._calls.unary(self._stub.ListExecutions, "ListExecutions", page, timeout)
            for execution in answer.executions:
                yield execution
            page.page_token = answer.next_page_token
            if not page.page_token:
                return

    def watch_execution(
        self, request: WatchExecutionRequest, *, timeout: float | None = None
    ) -> AsyncGenerator[ExecutionEvent]:
        """Yields the events of an execution, those that were and those to come, each once.

        Attaches again where the server is lost meanwhile. Closing the generator leaves the execution alone.

        Args:
            request: which execution, and from which event on.
            timeout: seconds for all of it; without it the settings' own for streams.

        Raises:
            Cancelled: somebody cancelled the execution.
            DeadlineExceeded: it did not end in time; it goes on.
            NotFound: there is no such execution.
            RpcError: it failed, or the service cannot tell.
        """
        following = Following(
            self._executions,
            self._settings,
            timeout,
            name=request.name,
            from_sequence=request.from_sequence,
        )
        return following.follow()

    async def cancel_execution(
        self, request: CancelExecutionRequest, *, timeout: float | None = None
    ) -> CancelExecutionResponse:
        """Wants an execution cancelled; it may need a moment to end."""
        return await self._calls.unary(self._stub.CancelExecution, "CancelExecution", request, timeout)

    async def resume_execution(
        self, request: ResumeExecutionRequest, *, timeout: float | None = None
    ) -> ResumeExecutionResponse:
        """Answers the question that an execution waits with."""
        return await self._calls.unary(self._stub.ResumeExecution, "ResumeExecution", request, timeout)

    async def execute_plan(
        self, request: ExecutePlanRequest, *, timeout: float | None = None
    ) -> ExecutePlanResponse:
        """Executes a plan on samples; a plan that cannot be executed is an outcome, not an error."""
        return await self._calls.unary(self._stub.ExecutePlan, "ExecutePlan", request, timeout)

    async def list_tools(
        self, request: InterpreterServiceListToolsRequest, *, timeout: float | None = None
    ) -> InterpreterServiceListToolsResponse:
        """Lists the sources of tools that it knows, and their tools."""
        return await self._calls.unary(self._stub.ListTools, "ListTools", request, timeout)
