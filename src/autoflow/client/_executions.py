"""The bare calls about executions: each is one call, and a stream that breaks has broken."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

import grpc

from autoflow.client._calls import Calls
from autoflow.client.errors import RpcError
from autoflow.v1.interpreter_service_pb2 import (
    CancelExecutionRequest,
    ExecuteWorkflowRequest,
    Execution,
    ExecutionEvent,
    GetExecutionRequest,
    WatchExecutionRequest,
)
from autoflow.v1.interpreter_service_pb2_grpc import InterpreterServiceStub

_CONNECTING = (grpc.ChannelConnectivity.IDLE, grpc.ChannelConnectivity.CONNECTING)


class ExecutionCalls:
    """What `autoflow.client._following` asks of the service.

    Args:
        channel: to the service.
        calls: makes the calls.
    """

    def __init__(self, channel: grpc.aio.Channel, calls: Calls) -> None:
        self._channel = channel
        self._stub = InterpreterServiceStub(channel)
        self._calls = calls

    async def reachable(self) -> bool:
        """Whether the channel has a connection, or gets one at the first attempt; waits for that."""
        while (state := self._channel.get_state(try_to_connect=True)) in _CONNECTING:
            await self._channel.wait_for_state_change(state)
        return state is grpc.ChannelConnectivity.READY

    async def execute(
        self, request: ExecuteWorkflowRequest, timeout: float
    ) -> AsyncGenerator[ExecutionEvent]:
        """Begins an execution, or attaches to the one that a request of the same id began."""
        answers = self._calls.stream(self._stub.ExecuteWorkflow, "ExecuteWorkflow", request, timeout)
        async with aclosing(answers):
            async for answer in answers:
                yield answer.event

    async def watch(self, name: str, from_sequence: int, timeout: float) -> AsyncGenerator[ExecutionEvent]:
        """Attaches to an execution."""
        request = WatchExecutionRequest(name=name, from_sequence=from_sequence)
        answers = self._calls.stream(self._stub.WatchExecution, "WatchExecution", request, timeout)
        async with aclosing(answers):
            async for answer in answers:
                yield answer.event

    async def get(self, name: str, timeout: float) -> Execution:
        """Returns an execution as it is now."""
        request = GetExecutionRequest(name=name)
        answer = await self._calls.unary(self._stub.GetExecution, "GetExecution", request, timeout)
        return answer.execution

    async def try_to_cancel(self, name: str, timeout: float) -> None:
        """Wants an execution cancelled, where that can still be said in that time."""
        request = CancelExecutionRequest(name=name)
        # A closed channel raises what is no error of a call.
        with suppress(RpcError, grpc.aio.UsageError):
            await self._calls.unary(self._stub.CancelExecution, "CancelExecution", request, timeout)
