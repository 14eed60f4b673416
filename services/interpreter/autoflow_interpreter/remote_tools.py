"""The tools of providers on the network.

Where two offer a tool of one name, the one that is named first in the settings has it, always: as long as a
provider was never reached, nobody knows its tools, so those of the providers after it are left out. A plan
that names none but tools of the providers before it, by their very names, is executed nevertheless.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from protovalidate import Validator

from autoflow.concurrency import gather
from autoflow.errors import FailedPrecondition
from autoflow.suites import Content, Tool
from autoflow_interpreter.plan_execution import Failure
from autoflow_interpreter.providers import Provider


@dataclass(frozen=True, slots=True)
class RemoteToolset:
    """The tools that some providers named; see `Toolset`."""

    tools: Mapping[str, Tool]
    complete: bool
    providers: Mapping[str, Provider]
    """By the tool's name."""

    async def call(self, tool: Tool, samples: Sequence[Sequence[Content]]) -> Sequence[Content | Failure]:
        """Applies a tool to samples; see `Toolset`."""
        return await self.providers[tool.name].call(tool, samples)


class RemoteTools:
    """The tools of some providers; see `ToolBox`.

    Args:
        addresses: `host:port` of each.
        calls: calls of one provider under way at most; further ones wait.
        seconds: the most that one call of a tool may take.
    """

    def __init__(self, addresses: Sequence[str], *, calls: int = 8, seconds: float = 120.0) -> None:
        validator = Validator()
        self._providers = [
            Provider(address, calls=calls, seconds=seconds, validator=validator) for address in addresses
        ]

    async def close(self) -> None:
        """Closes the connections."""
        await gather(provider.close() for provider in self._providers)

    def check(self) -> None:
        """Returns if providers are set up; see `ToolBox`."""
        if not self._providers:
            raise FailedPrecondition("no provider of tools is set up: AUTOFLOW_TOOL_PROVIDERS is empty")

    async def open(self) -> RemoteToolset:
        """The tools that are known now; see `ToolBox`."""
        self.check()
        lists = await gather(provider.tools() for provider in self._providers)
        tools: dict[str, Tool] = {}
        owners: dict[str, Provider] = {}
        for provider, named in zip(self._providers, lists, strict=True):
            if named is None:
                return RemoteToolset(tools, complete=False, providers=owners)
            for tool in named:
                if tool.name not in tools:
                    tools[tool.name], owners[tool.name] = tool, provider
        return RemoteToolset(tools, complete=True, providers=owners)
