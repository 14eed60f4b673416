"""Serves tools of this process to others: ToolService over tools that take arguments (docs/tools.md).

The other end of `autoflow.tools.providers`. Arguments are judged here, too, for a caller need not have done
so. A failure of a sample is an answer; only a tool that there is not, or a sample that is not one text, is an
error of the call.

Left out: tools for plans, and pictures. It does not know who calls.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import grpc

from autoflow.admission import Admission
from autoflow.client.tools import CALL_ID
from autoflow.concurrency import gather
from autoflow.convert import tool_to_proto
from autoflow.errors import InvalidArgument, NotFound
from autoflow.server import Endpoint, Service
from autoflow.suites import Tool
from autoflow.tools.built_in.source import BuiltIn, BuiltInTool
from autoflow.tools.model import FailureKind, ToolFailure, ToolResult
from autoflow.tools.registry import Registry
from autoflow.v1 import task_pb2
from autoflow.v1 import tool_service_pb2 as pb
from autoflow.v1.tool_service_pb2_grpc import ToolServiceServicer, add_ToolServiceServicer_to_server

_SECONDS = 60.0
"""That a call may take."""
_CALLS = 64
"""Under way; one more is refused with RESOURCE_EXHAUSTED."""


async def _nothing() -> None:
    pass


def tool_service(
    name: str, tools: Sequence[BuiltInTool], *, start: Callable[[], Awaitable[None]] = _nothing
) -> Service:
    """A service that answers ToolService with these tools.

    Args:
        name: what logs and traces call it.
        tools: those that it has, each of another name.
        start: makes ready what they need; until it returns, no call is answered.
    """
    registry = Registry([BuiltIn(name, tools)], seconds=_SECONDS)
    servicer = _ToolServicer(_Served(registry, Admission(_CALLS, "calls")))
    register = partial(add_ToolServiceServicer_to_server, servicer)
    return Service(name, (Endpoint("autoflow.v1.ToolService", register),), start=start, stop=registry.close)


class _Served:
    """The tools, without their wire."""

    def __init__(self, registry: Registry, calls: Admission) -> None:
        self._registry = registry
        self._calls = calls

    async def tools(self) -> list[Tool]:
        """All, in the order of their names."""
        return [tool for listed in await self._registry.list_tools() for tool in listed.tools]

    async def call(self, name: str, samples: Sequence[str], call_id: str) -> Sequence[ToolResult]:
        """What comes of each sample, in their order.

        Raises:
            NotFound: there is no such tool.
            ResourceExhausted: too many calls are under way.
            DeadlineExceeded: it took too long.
        """
        with self._calls.enter():
            return await gather(self._apply(name, arguments, call_id) for arguments in samples)

    async def _apply(self, name: str, arguments: str, call_id: str) -> ToolResult:
        result = await self._registry.call(name, arguments, deadline=_SECONDS, call_id=call_id)
        if isinstance(result, ToolFailure) and result.kind is FailureKind.UNKNOWN_TOOL:
            raise NotFound(result.message)
        return result


class _ToolServicer(ToolServiceServicer):
    """Answers ToolService.

    Args:
        served: what does the work.
    """

    def __init__(self, served: _Served) -> None:
        self._served = served

    async def ListTools(
        self, request: pb.ListToolsRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> pb.ListToolsResponse:
        """Lists the tools."""
        return pb.ListToolsResponse(tools=map(tool_to_proto, await self._served.tools()))

    async def CallTool(
        self, request: pb.CallToolRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> pb.CallToolResponse:
        """Applies one tool to samples."""
        results = await self._served.call(request.tool, _samples_from_proto(request), _call_id(context))
        return pb.CallToolResponse(results=map(_result_to_proto, results))


def _call_id(context: grpc.aio.ServicerContext[Any, Any]) -> str:
    return str(dict(context.invocation_metadata() or ()).get(CALL_ID, ""))


def _samples_from_proto(request: pb.CallToolRequest) -> list[str]:
    """The arguments of each sample.

    Raises:
        InvalidArgument: a sample is something else than one text.
    """
    for index, sample in enumerate(request.samples):
        if [content.WhichOneof("content") for content in sample.inputs] != ["text"]:
            raise InvalidArgument(
                f"samples[{index}].inputs", f"{request.tool!r} takes one text, a JSON object of its arguments"
            )
    return [sample.inputs[0].text for sample in request.samples]


def _result_to_proto(result: ToolResult) -> pb.ToolResult:
    if isinstance(result, ToolFailure):
        return pb.ToolResult(failure=pb.ToolFailure(message=result.message))
    return pb.ToolResult(output=task_pb2.Content(text=result.text))
