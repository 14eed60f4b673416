"""The interpreter on the wire."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import grpc

from autoflow.tools.convert import tools_to_proto
from autoflow.v1 import interpreter_service_pb2, interpreter_service_pb2_grpc
from autoflow_interpreter.convert import event_to_proto, request_from_proto
from autoflow_interpreter.interpreter import Interpreter
from autoflow_interpreter.plan_convert import plan_result_to_proto, plan_target_from_proto


class InterpreterServicer(interpreter_service_pb2_grpc.InterpreterServiceServicer):
    """Answers InterpreterService.

    Args:
        interpreter: executes workflows and plans.
        max_tokens: the limit of one step's answer, where a request gives none.
    """

    def __init__(self, interpreter: Interpreter, *, max_tokens: int) -> None:
        self._interpreter = interpreter
        self._max_tokens = max_tokens

    async def ExecuteWorkflow(
        self,
        request: interpreter_service_pb2.ExecuteWorkflowRequest,
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> AsyncGenerator[interpreter_service_pb2.ExecuteWorkflowResponse, None]:
        """Executes one workflow on one task and streams what happens."""
        wanted = request_from_proto(request, max_tokens=self._max_tokens)
        async with aclosing(self._interpreter.execute(wanted)) as events:
            async for event in events:
                yield event_to_proto(event)

    async def ExecutePlan(
        self,
        request: interpreter_service_pb2.ExecutePlanRequest,
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> interpreter_service_pb2.ExecutePlanResponse:
        """Executes a plan on samples."""
        result = await self._interpreter.execute_plan(request.plan, plan_target_from_proto(request))
        return plan_result_to_proto(result)

    async def ListTools(
        self,
        request: interpreter_service_pb2.InterpreterServiceListToolsRequest,
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> interpreter_service_pb2.InterpreterServiceListToolsResponse:
        """Lists the tools of all sources."""
        return tools_to_proto(await self._interpreter.list_tools())
