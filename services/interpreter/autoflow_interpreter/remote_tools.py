"""The tools of providers on the network.

Each provider is asked for its tools, which are remembered for a while. Where two offer a tool of one name,
the one that is named first in the settings has it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from autoflow.client import Client, errors
from autoflow.concurrency import gather
from autoflow.convert import content_from_proto, content_to_proto, tool_from_proto
from autoflow.errors import FailedPrecondition, ResourceExhausted, Unavailable
from autoflow.suites import Content, Tool
from autoflow.v1.tool_service_pb2 import CallToolRequest, ListToolsRequest, ToolResult, ToolSample
from autoflow_interpreter.plan_execution import Failure

_REMEMBERED = 30.0
"""Seconds that a provider's list of tools is good for."""
_RETRY_SECONDS = 1.0

_log = logging.getLogger(__name__)


class RemoteTools:
    """The tools of some providers. Connects when it is first used, in the event loop that uses it.

    Args:
        addresses: `host:port` of each.
    """

    def __init__(self, addresses: Sequence[str]) -> None:
        self._addresses = addresses
        self._clients: dict[str, Client] = {}
        self._providers: dict[str, tuple[Tool, Client]] = {}
        self._good_until = 0.0
        self._listing = asyncio.Lock()

    async def close(self) -> None:
        """Closes the connections."""
        for client in self._clients.values():
            await client.close()
        self._clients.clear()

    async def tools(self) -> Sequence[Tool]:
        """The tools of all providers; see `ToolBox`."""
        if not self._addresses:
            raise FailedPrecondition("no provider of tools is set up: AUTOFLOW_TOOL_PROVIDERS is empty")
        async with self._listing:
            if time.monotonic() >= self._good_until:
                lists = await gather(self._list(address) for address in self._addresses)
                self._providers = {
                    tool.name: (tool, client) for found in reversed(lists) for tool, client in found
                }
                self._good_until = time.monotonic() + _REMEMBERED
        return [tool for tool, _ in self._providers.values()]

    async def call(self, tool: str, samples: Sequence[Sequence[Content]]) -> Sequence[Content | Failure]:
        """Applies a tool to samples; see `ToolBox`."""
        _, client = self._providers[tool]
        request = CallToolRequest(
            tool=tool,
            samples=[
                ToolSample(inputs=[content_to_proto(content) for content in sample]) for sample in samples
            ],
        )
        with _sorted_errors(tool):
            response = await client.experts.call_tool(request)
        if len(response.results) != len(samples):
            raise Unavailable(
                f"the provider of {tool} gave {len(response.results)} results for {len(samples)} samples"
            )
        return [_result(result) for result in response.results]

    async def _list(self, address: str) -> list[tuple[Tool, Client]]:
        client = self._clients.setdefault(address, Client(experts=address))
        with _sorted_errors("tools"):
            response = await client.experts.list_tools(ListToolsRequest())
        return [(tool_from_proto(tool), client) for tool in response.tools]


def _result(result: ToolResult) -> Content | Failure:
    if result.WhichOneof("result") == "output":
        return content_from_proto(result.output)
    return Failure(result.failure.message or "the tool gave neither an output nor a reason")


@contextmanager
def _sorted_errors(what: str) -> Iterator[None]:
    """A provider's errors are trouble of the tools, whatever they are called: the plan was checked before."""
    try:
        yield
    except errors.ResourceExhausted as error:
        raise ResourceExhausted(
            f"the provider of {what} has too much to do", error.details.retry_after or _RETRY_SECONDS
        ) from error
    except errors.RpcError as error:
        _log.warning("a provider of tools could not serve: %s", error)
        raise Unavailable(f"the provider of {what} could not serve") from error
