"""An interpreter's service that has no executions to show: what scripted ones do not answer."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any, TypeAlias

import grpc

from autoflow.server.errors import Unimplemented
from autoflow.v1 import interpreter_service_pb2 as pb
from autoflow.v1.interpreter_service_pb2_grpc import InterpreterServiceServicer

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


class WithoutExecutions(InterpreterServiceServicer):
    """Answers what is about kept executions with UNIMPLEMENTED."""

    async def GetExecution(
        self, request: pb.GetExecutionRequest, context: Context
    ) -> pb.GetExecutionResponse:
        """Keeps none."""
        raise _none()

    async def ListExecutions(
        self, request: pb.ListExecutionsRequest, context: Context
    ) -> pb.ListExecutionsResponse:
        """Keeps none."""
        raise _none()

    async def WatchExecution(
        self, request: pb.WatchExecutionRequest, context: Context
    ) -> AsyncGenerator[pb.WatchExecutionResponse, None]:
        """Keeps none."""
        raise _none()
        yield

    async def CancelExecution(
        self, request: pb.CancelExecutionRequest, context: Context
    ) -> pb.CancelExecutionResponse:
        """Keeps none."""
        raise _none()

    async def ResumeExecution(
        self, request: pb.ResumeExecutionRequest, context: Context
    ) -> pb.ResumeExecutionResponse:
        """Keeps none."""
        raise _none()


def _none() -> Unimplemented:
    return Unimplemented("this interpreter keeps no executions")
