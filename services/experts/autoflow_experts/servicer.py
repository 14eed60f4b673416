"""The experts on the wire."""

from __future__ import annotations

from typing import Any

import grpc

from autoflow.v1 import tool_service_pb2, tool_service_pb2_grpc
from autoflow_experts.calling import Experts
from autoflow_experts.convert import results_to_proto, samples_from_proto, tools_to_proto


class ToolServicer(tool_service_pb2_grpc.ToolServiceServicer):
    """Answers ToolService.

    Args:
        experts: what does the work.
    """

    def __init__(self, experts: Experts) -> None:
        self._experts = experts

    async def ListTools(
        self,
        request: tool_service_pb2.ListToolsRequest,
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> tool_service_pb2.ListToolsResponse:
        """Lists the tools."""
        return tools_to_proto(self._experts.tools)

    async def CallTool(
        self,
        request: tool_service_pb2.CallToolRequest,
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> tool_service_pb2.CallToolResponse:
        """Applies one tool to samples."""
        return results_to_proto(await self._experts.call(request.tool, samples_from_proto(request)))
