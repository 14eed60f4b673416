"""The client of a provider of tools."""

from __future__ import annotations

import grpc

from autoflow.client._calls import Calls
from autoflow.client.settings import ClientSettings
from autoflow.v1.tool_service_pb2 import (
    CallToolRequest,
    CallToolResponse,
    ListToolsRequest,
    ListToolsResponse,
)
from autoflow.v1.tool_service_pb2_grpc import ToolServiceStub

FULL_NAME = "autoflow.v1.ToolService"
CALL_ID = "autoflow-call-id"
"""The metadata that names a call, the same for its repetitions."""


class ToolClient:
    """Calls ToolService.

    Every method raises an `autoflow.client.errors.RpcError` where the call fails. `timeout` is in seconds;
    without it the settings' own counts.

    Args:
        channel: to the service.
        settings: the deadlines.
    """

    def __init__(self, channel: grpc.aio.Channel, settings: ClientSettings) -> None:
        self._stub = ToolServiceStub(channel)
        self._calls = Calls(FULL_NAME, settings)

    async def list_tools(
        self, request: ListToolsRequest, *, timeout: float | None = None
    ) -> ListToolsResponse:
        """Lists the tools."""
        return await self._calls.unary(self._stub.ListTools, "ListTools", request, timeout)

    async def call_tool(
        self, request: CallToolRequest, *, timeout: float | None = None, call_id: str = ""
    ) -> CallToolResponse:
        """Applies a tool to samples; a sample that it cannot do is a failure in the answer, not an error.

        `call_id`, printable ASCII, goes along as metadata: a provider that sees it again knows that the call
        is repeated.
        """
        metadata = ((CALL_ID, call_id),) if call_id else ()
        return await self._calls.unary(self._stub.CallTool, "CallTool", request, timeout, metadata)
