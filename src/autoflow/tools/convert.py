"""The messages of sources of tools, from their values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from autoflow.convert import tool_to_proto
from autoflow.tools.model import Listed, SourceKind
from autoflow.v1 import interpreter_service_pb2 as pb

_KINDS: Mapping[SourceKind, pb.ToolSourceKind.ValueType] = MappingProxyType(
    {
        SourceKind.TOOL_SERVICE: pb.TOOL_SOURCE_KIND_TOOL_SERVICE,
        SourceKind.MCP: pb.TOOL_SOURCE_KIND_MCP,
        SourceKind.BUILT_IN: pb.TOOL_SOURCE_KIND_BUILT_IN,
    }
)


def tools_to_proto(sources: Sequence[Listed]) -> pb.InterpreterServiceListToolsResponse:
    """The sources of a registry and their tools, as a message."""
    return pb.InterpreterServiceListToolsResponse(sources=[_source_to_proto(source) for source in sources])


def _source_to_proto(source: Listed) -> pb.ToolSource:
    return pb.ToolSource(
        name=source.name,
        kind=_KINDS[source.kind],
        tools=[tool_to_proto(tool) for tool in source.tools],
        unavailable=source.unavailable,
    )
