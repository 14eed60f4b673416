"""A provider of tools whose answers come from a function."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

import grpc

from autoflow.client.tools import CALL_ID
from autoflow.convert import content_from_proto, content_to_proto, tool_to_proto
from autoflow.errors import NotFound
from autoflow.server import Endpoint, Service
from autoflow.suites import Content, Tool
from autoflow.v1.task_pb2 import Tool as ToolMessage
from autoflow.v1.tool_service_pb2 import (
    CallToolRequest,
    CallToolResponse,
    ListToolsRequest,
    ListToolsResponse,
    ToolFailure,
    ToolResult,
)
from autoflow.v1.tool_service_pb2_grpc import ToolServiceServicer, add_ToolServiceServicer_to_server

Answer: TypeAlias = Callable[[CallToolRequest], CallToolResponse | Awaitable[CallToolResponse]]
"""What comes of a call; may wait, and may raise what a service raises."""


class ScriptedTools(ToolServiceServicer):
    """Answers ToolService.

    Args:
        tools: what it lists.
        answer: what comes of the call of one of them; `answer_each` makes one of a function of a sample.

    Attributes:
        tools: may be changed.
        requests: every call of a tool that it has, in the order in which they came.
        call_ids: what their callers named them; empty where they did not.
    """

    def __init__(self, tools: Sequence[Tool], answer: Answer) -> None:
        self.tools: list[ToolMessage] = [tool_to_proto(tool) for tool in tools]
        self._answer = answer
        self.requests: list[CallToolRequest] = []
        self.call_ids: list[str] = []

    @property
    def service(self) -> Service:
        """What `autoflow.testing.serving` takes."""
        register = partial(add_ToolServiceServicer_to_server, self)
        return Service("tools", (Endpoint("autoflow.v1.ToolService", register),))

    async def ListTools(
        self, request: ListToolsRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> ListToolsResponse:
        """Lists the tools."""
        return ListToolsResponse(tools=self.tools)

    async def CallTool(
        self, request: CallToolRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> CallToolResponse:
        """Answers by the function.

        Raises:
            NotFound: there is no such tool now.
        """
        if request.tool not in [tool.name for tool in self.tools]:
            raise NotFound(f"no tool is named {request.tool!r}")
        self.requests.append(request)
        metadata = dict(context.invocation_metadata() or ())
        self.call_ids.append(str(metadata.get(CALL_ID, "")))
        answer = self._answer(request)
        return await answer if inspect.isawaitable(answer) else answer


def answer_each(work: Callable[[str, Sequence[Content]], Content | None]) -> Answer:
    """Answers by a function of the tool's name and one sample's inputs; None is a failure of the sample."""

    def result(made: Content | None) -> ToolResult:
        if made is None:
            return ToolResult(failure=ToolFailure(message="there is nothing to do"))
        return ToolResult(output=content_to_proto(made))

    def answer(request: CallToolRequest) -> CallToolResponse:
        samples = [[content_from_proto(content) for content in sample.inputs] for sample in request.samples]
        return CallToolResponse(results=[result(work(request.tool, sample)) for sample in samples])

    return answer
