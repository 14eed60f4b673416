"""The client of the service that executes workflows."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import grpc

from autoflow.client._calls import Calls
from autoflow.client.settings import ClientSettings
from autoflow.v1.interpreter_service_pb2 import (
    ExecutePlanRequest,
    ExecutePlanResponse,
    ExecuteWorkflowRequest,
    ExecuteWorkflowResponse,
    InterpreterServiceListToolsRequest,
    InterpreterServiceListToolsResponse,
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

    def execute_workflow(
        self, request: ExecuteWorkflowRequest, *, timeout: float | None = None
    ) -> AsyncGenerator[ExecuteWorkflowResponse]:
        """Executes a workflow on a task; yields what happens, at last `finished`."""
        return self._calls.stream(self._stub.ExecuteWorkflow, "ExecuteWorkflow", request, timeout)

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
