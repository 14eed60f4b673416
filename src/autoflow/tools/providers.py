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

import grpc
from protovalidate import Validator

from autoflow.client import ClientSettings, errors
from autoflow.client.settings import channel_options
from autoflow.client.tools import FULL_NAME, ToolClient
from autoflow.convert import content_from_proto, content_to_proto, tool_from_proto
from autoflow.errors import ResourceExhausted, Unavailable
from autoflow.suites import Content, ContentType, Tool
from autoflow.tools.model import Listing, SourceKind, ToolCall, ToolFailure, ToolOutput, ToolResult
from autoflow.tools.soundness import tool_problem
from autoflow.v1 import task_pb2
from autoflow.v1.tool_service_pb2 import CallToolRequest, ListToolsRequest, ToolSample
from autoflow.v1.tool_service_pb2 import ToolResult as ResultMessage

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
    """One server of ToolService; a `Source` of tools for steps, and of tools for plans.

    Connects when it is first used, in the event loop that uses it.

    Args:
        name: its name in the settings.
        address: `host:port`.
        calls: calls under way at most; further ones wait.
        seconds: the most that one call may take.
        validator: knows what the contract demands of messages.
        only: names of the tools that are taken of it; None: all.
    """

    kind = SourceKind.TOOL_SERVICE

    def __init__(
        self,
        name: str,
        address: str,
        *,
        calls: int,
        seconds: float,
        validator: Validator,
        only: frozenset[str] | None = None,
    ) -> None:
        self.name = name
        self._only = only
        self._seconds = seconds
        self._validator = validator
        self._connection = _Connection(address)
        # For the log; callers learn no addresses.
        self._which = {"provider": name, "address": address}
        self._slots = asyncio.Semaphore(calls)
        self._listing = asyncio.Lock()
        self._tools: tuple[Tool, ...] | None = None
        self._unavailable = ""
        self._good_until = 0.0

    async def close(self) -> None:
        """Closes the connections."""
        await self._connection.close()

    async def tools(self) -> tuple[Tool, ...] | None:
        """The tools that it has, as it last named them; None where it never could be asked."""
        async with self._listing:
            if time.monotonic() >= self._good_until:
                await self._list()
        return self._tools

    async def listing(self) -> Listing:
        """Its tools; see `Source`."""
        return Listing(await self.tools(), self._unavailable, self._only)

    async def apply(
        self, tool: Tool, samples: Sequence[Sequence[Content]]
    ) -> Sequence[Content | ToolFailure]:
        """Applies a tool to samples; see `Toolset.call`."""
        request = CallToolRequest(
            tool=tool.name,
            samples=[
                ToolSample(inputs=[content_to_proto(content) for content in sample]) for sample in samples
            ],
        )
        async with self._slots:
            with self._told_apart(tool.name):
                response = await self._connection.repeating.call_tool(request, timeout=self._seconds)
        if len(response.results) != len(samples):
            raise Unavailable(
                f"the provider of {tool.name} gave {len(response.results)} results for {len(samples)} samples"
            )
        return [self._result(tool.name, tool.output, result) for result in response.results]

    async def call(self, call: ToolCall) -> ToolResult:
        """Calls a tool with arguments; see `Source`."""
        arguments = task_pb2.Content(text=call.text)
        request = CallToolRequest(tool=call.tool, samples=[ToolSample(inputs=[arguments])])
        async with self._slots:
            with self._told_apart(call.tool):
                response = await self._connection.once.call_tool(
                    request, timeout=call.seconds + 1, call_id=call.call_id
                )
        if len(response.results) != 1:
            raise Unavailable(
                f"the provider of {call.tool} gave {len(response.results)} results for one call"
            )
        made = self._result(call.tool, None, response.results[0])
        if isinstance(made, ToolFailure):
            return made
        return ToolOutput(made) if isinstance(made, str) else ToolOutput("", (made,))

    async def _list(self) -> None:
        try:
            response = await self._connection.repeating.list_tools(ListToolsRequest(), timeout=_LIST_SECONDS)
        except errors.RpcError as error:
            _log.warning("a provider could not be asked for its tools: %s", error, extra=self._which)
            self._unavailable = "it cannot be asked for its tools"
            self._good_until = time.monotonic() + _ASK_AGAIN
        else:
            taken = [tool for tool in response.tools if self._only is None or tool.name in self._only]
            self._tools = tuple([tool_from_proto(tool) for tool in taken if await self._is_sound(tool)])
            self._unavailable = ""
            self._good_until = time.monotonic() + _REMEMBERED

    async def _is_sound(self, tool: task_pb2.Tool) -> bool:
        problem = ""
        if violations := self._validator.collect_violations(tool):
            problem = violations[0].proto.message
        elif tool.arguments_schema:
            # The first schema loads what judges schemas, which may take more than a second.
            problem = await asyncio.to_thread(tool_problem, tool_from_proto(tool))
        if problem:
            _log.warning("a tool is passed over, %r: %s", tool.name[:80], problem)
        return not problem

    @contextmanager
    def _told_apart(self, tool: str) -> Iterator[None]:
        """A provider's errors are the tools' trouble, whatever they say: the call was checked before."""
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
            _log.warning("a provider of tools could not serve: %s", error, extra=self._which)
            raise Unavailable(f"the provider of {tool} could not serve") from error

    def _result(
        self, tool: str, promised: ContentType | None, result: ResultMessage
    ) -> Content | ToolFailure:
        if result.WhichOneof("result") != "output":
            said = result.failure.message[:_MAX_REASON]
            return ToolFailure(said or "the tool gave neither an output nor a reason")
        output = result.output
        kind = output.WhichOneof("content")
        if kind is None or (promised is not None and ContentType(kind) is not promised):
            raise Unavailable(
                f"the provider of {tool} gave {kind or 'nothing'} where it promises {promised or 'an output'}"
            )
        if violations := self._validator.collect_violations(output):
            return ToolFailure(f"the tool's {kind} cannot be passed on: it {violations[0].proto.message}")
        return content_from_proto(output)


class _Connection:
    """Two channels to one address: on one of them gRPC repeats calls that fail, on the other it does not."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._channels: dict[bool, grpc.aio.Channel] = {}

    @property
    def repeating(self) -> ToolClient:
        """For lists of tools, and for tools of plans, which are repeatable by contract."""
        return self._client(repeating=True)

    @property
    def once(self) -> ToolClient:
        """For tools with arguments, which may do what must not be done twice."""
        return self._client(repeating=False)

    async def close(self) -> None:
        for channel in self._channels.values():
            await channel.close()
        self._channels.clear()

    def _client(self, *, repeating: bool) -> ToolClient:
        settings = ClientSettings()
        if repeating not in self._channels:
            options = channel_options(settings, (FULL_NAME,) if repeating else ())
            self._channels[repeating] = grpc.aio.insecure_channel(self._address, options=options)
        return ToolClient(self._channels[repeating], settings)
