"""The experts' messages and their values, one into the other."""

from __future__ import annotations

from collections.abc import Sequence

from autoflow.convert import content_from_proto, content_to_proto, tool_to_proto
from autoflow.suites import Tool
from autoflow.v1 import tool_service_pb2
from autoflow_experts.experts import Failure, Inputs, Result


def samples_from_proto(request: tool_service_pb2.CallToolRequest) -> list[Inputs]:
    """The inputs of each sample."""
    return [tuple(map(content_from_proto, sample.inputs)) for sample in request.samples]


def results_to_proto(results: Sequence[Result]) -> tool_service_pb2.CallToolResponse:
    """What came of each sample."""
    return tool_service_pb2.CallToolResponse(results=map(_result_to_proto, results))


def tools_to_proto(tools: Sequence[Tool]) -> tool_service_pb2.ListToolsResponse:
    """The tools."""
    return tool_service_pb2.ListToolsResponse(tools=map(tool_to_proto, tools))


def _result_to_proto(result: Result) -> tool_service_pb2.ToolResult:
    if isinstance(result, Failure):
        return tool_service_pb2.ToolResult(failure=tool_service_pb2.ToolFailure(message=result.message))
    return tool_service_pb2.ToolResult(output=content_to_proto(result))
