"""An interpreter service whose executions come from a function."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import Any, TypeAlias

import grpc

from autoflow.server import Endpoint, Service
from autoflow.testing._partial import WithoutExecutions
from autoflow.v1.interpreter_service_pb2 import (
    PLAN_OUTCOME_NO_PLAN,
    ExecutePlanRequest,
    ExecutePlanResponse,
    ExecuteWorkflowRequest,
    ExecuteWorkflowResponse,
    ExecutionEvent,
    ExecutionFinished,
    InterpreterServiceListToolsRequest,
    InterpreterServiceListToolsResponse,
)
from autoflow.v1.interpreter_service_pb2_grpc import add_InterpreterServiceServicer_to_server

Script: TypeAlias = Callable[[ExecuteWorkflowRequest], ExecutionFinished]
"""How an execution ends; may raise what a service raises, which fails the call."""


class ScriptedInterpreter(WithoutExecutions):
    """Answers InterpreterService with the last event alone.

    Args:
        script: how executions end.

    Attributes:
        requests: every request, in the order in which they came.
    """

    def __init__(self, script: Script) -> None:
        self._script = script
        self.requests: list[ExecuteWorkflowRequest] = []

    @property
    def service(self) -> Service:
        """What `autoflow.testing.serving` takes."""
        register = partial(add_InterpreterServiceServicer_to_server, self)
        return Service("interpreter", (Endpoint("autoflow.v1.InterpreterService", register),))

    async def ExecuteWorkflow(
        self, request: ExecuteWorkflowRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> AsyncGenerator[ExecuteWorkflowResponse, None]:
        """Ends the execution as the script says."""
        self.requests.append(request)
        yield ExecuteWorkflowResponse(event=ExecutionEvent(finished=self._script(request)))

    async def ExecutePlan(
        self, request: ExecutePlanRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> ExecutePlanResponse:
        """Executes nothing: the script is for workflows."""
        return ExecutePlanResponse(outcome=PLAN_OUTCOME_NO_PLAN)

    async def ListTools(
        self, request: InterpreterServiceListToolsRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> InterpreterServiceListToolsResponse:
        """Knows no tools."""
        return InterpreterServiceListToolsResponse()
