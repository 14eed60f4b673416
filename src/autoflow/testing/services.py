"""Services whose answers are functions, for tests of what surrounds a service or calls one."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from functools import partial
from typing import TypeAlias

import grpc

from autoflow.server import Endpoint
from autoflow.testing._partial import WithoutExecutions
from autoflow.v1.interpreter_service_pb2 import (
    ExecutePlanRequest,
    ExecutePlanResponse,
    ExecuteWorkflowRequest,
    ExecuteWorkflowResponse,
    ExecutionEvent,
    InterpreterServiceListToolsRequest,
    InterpreterServiceListToolsResponse,
)
from autoflow.v1.interpreter_service_pb2_grpc import add_InterpreterServiceServicer_to_server
from autoflow.v1.scorer_service_pb2 import (
    ListMetricsRequest,
    ListMetricsResponse,
    ScoreOutputsRequest,
    ScoreOutputsResponse,
)
from autoflow.v1.scorer_service_pb2_grpc import ScorerServiceServicer, add_ScorerServiceServicer_to_server

Context: TypeAlias = "grpc.aio.ServicerContext[object, object]"
Score: TypeAlias = Callable[[ScoreOutputsRequest], Awaitable[ScoreOutputsResponse]]
Execute: TypeAlias = Callable[[ExecuteWorkflowRequest], AsyncGenerator[ExecutionEvent]]


class _Scorer(ScorerServiceServicer):
    def __init__(self, score: Score) -> None:
        self._score = score

    async def ScoreOutputs(self, request: ScoreOutputsRequest, context: Context) -> ScoreOutputsResponse:
        return await self._score(request)

    async def ListMetrics(self, request: ListMetricsRequest, context: Context) -> ListMetricsResponse:
        return ListMetricsResponse()


class _Interpreter(WithoutExecutions):
    def __init__(self, execute: Execute) -> None:
        self._execute = execute

    async def ExecuteWorkflow(
        self, request: ExecuteWorkflowRequest, context: Context
    ) -> AsyncGenerator[ExecuteWorkflowResponse]:
        async with aclosing(self._execute(request)) as events:
            async for event in events:
                yield ExecuteWorkflowResponse(event=event)

    async def ExecutePlan(self, request: ExecutePlanRequest, context: Context) -> ExecutePlanResponse:
        return ExecutePlanResponse()

    async def ListTools(
        self, request: InterpreterServiceListToolsRequest, context: Context
    ) -> InterpreterServiceListToolsResponse:
        return InterpreterServiceListToolsResponse()


def scripted_scorer(score: Score) -> Endpoint:
    """A scorer that answers by a function; what it raises goes the way of every error."""
    return Endpoint("autoflow.v1.ScorerService", partial(add_ScorerServiceServicer_to_server, _Scorer(score)))


def scripted_interpreter(execute: Execute) -> Endpoint:
    """An interpreter whose events come from an async generator."""
    return Endpoint(
        "autoflow.v1.InterpreterService",
        partial(add_InterpreterServiceServicer_to_server, _Interpreter(execute)),
    )
