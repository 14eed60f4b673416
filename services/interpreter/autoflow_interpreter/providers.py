"""A server of ToolService: what it offers, and calls of it.

A list of tools is remembered for a while. A provider that cannot be reached keeps the tools that it last
named: they are not gone, and a plan that names one is to wait and not to be called wrong.

A provider is not trusted to keep its contract: tools whose description breaks it are passed over, and answers
that break it are the provider's trouble (too few, of another type) or the sample's failure (too large).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from protovalidate import Validator

from autoflow.client import Client, errors
from autoflow.convert import content_from_proto, content_to_proto, tool_from_proto
from autoflow.errors import ResourceExhausted, Unavailable
from autoflow.suites import Content, ContentType, Tool
from autoflow.v1 import task_pb2
from autoflow.v1.tool_service_pb2 import CallToolRequest, ListToolsRequest, ToolResult, ToolSample
from autoflow_interpreter.plan_execution import Failure

_REMEMBERED = 30.0
"""Seconds that a list of tools is good for."""
_ASK_AGAIN = 1.0
"""Seconds after which a provider that could not be asked for its tools is asked again."""
_LIST_SECONDS = 5.0
_RETRY_SECONDS = 1.0
_MAX_REASON = 1000
"""Characters of why a sample failed that are passed on."""

_log = logging.getLogger(__name__)


class Provider:
    """One server of ToolService. Connects when it is first used, in the event loop that uses it.

    Args:
        address: `host:port`.
        calls: calls under way at most; further ones wait.
        seconds: the most that one call may take.
        validator: knows what the contract demands of messages.
    """

    def __init__(self, address: str, *, calls: int, seconds: float, validator: Validator) -> None:
        self._address = address
        self._seconds = seconds
        self._validator = validator
        self._connection: Client | None = None
        self._slots = asyncio.Semaphore(calls)
        self._listing = asyncio.Lock()
        self._tools: tuple[Tool, ...] | None = None
        self._good_until = 0.0

    async def close(self) -> None:
        """Closes the connection."""
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def tools(self) -> tuple[Tool, ...] | None:
        """The tools that it has, as it last named them; None where it never could be asked."""
        async with self._listing:
            if time.monotonic() >= self._good_until:
                await self._list()
        return self._tools

    async def call(self, tool: Tool, samples: Sequence[Sequence[Content]]) -> list[Content | Failure]:
        """Applies a tool to samples; see `Toolset.call`."""
        request = CallToolRequest(
            tool=tool.name,
            samples=[
                ToolSample(inputs=[content_to_proto(content) for content in sample]) for sample in samples
            ],
        )
        async with self._slots:
            with self._told_apart(tool.name):
                response = await self._client.experts.call_tool(request, timeout=self._seconds)
        if len(response.results) != len(samples):
            raise Unavailable(
                f"the provider of {tool.name} gave {len(response.results)} results for {len(samples)} samples"
            )
        return [self._result(tool, result) for result in response.results]

    @property
    def _client(self) -> Client:
        if self._connection is None:
            self._connection = Client(experts=self._address)
        return self._connection

    async def _list(self) -> None:
        try:
            response = await self._client.experts.list_tools(ListToolsRequest(), timeout=_LIST_SECONDS)
        except errors.RpcError as error:
            _log.warning("a provider could not be asked for its tools: %s", error)
            self._good_until = time.monotonic() + _ASK_AGAIN
        else:
            self._tools = tuple(tool_from_proto(tool) for tool in response.tools if self._is_sound(tool))
            self._good_until = time.monotonic() + _REMEMBERED

    def _is_sound(self, tool: task_pb2.Tool) -> bool:
        violations = self._validator.collect_violations(tool)
        if violations:
            _log.warning("a tool is passed over, %r: %s", tool.name[:80], violations[0].proto.message)
        return not violations

    @contextmanager
    def _told_apart(self, tool: str) -> Iterator[None]:
        """A provider's errors are the tools' trouble, whatever they say: the plan was checked before."""
        try:
            yield
        except errors.ResourceExhausted as error:
            raise ResourceExhausted(
                f"the provider of {tool} has too much to do", error.details.retry_after or _RETRY_SECONDS
            ) from error
        except errors.RpcError as error:
            if isinstance(error, (errors.NotFound, errors.InvalidArgument)):
                # Its tools are others than it said.
                self._good_until = 0.0
            _log.warning("a provider of tools could not serve: %s", error)
            raise Unavailable(f"the provider of {tool} could not serve") from error

    def _result(self, tool: Tool, result: ToolResult) -> Content | Failure:
        if result.WhichOneof("result") != "output":
            said = result.failure.message[:_MAX_REASON]
            return Failure(said or "the tool gave neither an output nor a reason")
        output = result.output
        kind = output.WhichOneof("content")
        if kind is None or ContentType(kind) is not tool.output:
            raise Unavailable(
                f"the provider of {tool.name} gave {kind or 'nothing'} where it promises {tool.output}"
            )
        if violations := self._validator.collect_violations(output):
            return Failure(f"the tool's {kind} cannot be passed on: it {violations[0].proto.message}")
        return content_from_proto(output)
