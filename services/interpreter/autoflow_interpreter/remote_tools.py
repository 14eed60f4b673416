"""The tools of providers on the network.

Where two offer a tool of one name, the one that is named first in the settings has it, always: as long as a
provider was never reached, nobody knows its tools, so those of the providers after it are left out. A plan
that names none but tools of the providers before it, by their very names, is executed nevertheless.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autoflow.concurrency import gather
from autoflow.errors import FailedPrecondition
from autoflow.suites import Content, Tool
from autoflow.tools.model import ToolFailure
from autoflow.tools.providers import Provider


@dataclass(frozen=True, slots=True)
class RemoteToolset:
    """The tools that some providers named; see `Toolset`."""

    tools: Mapping[str, Tool]
    complete: bool
    providers: Mapping[str, Provider]
    """By the tool's name."""

    async def call(self, tool: Tool, samples: Sequence[Sequence[Content]]) -> Sequence[Content | ToolFailure]:
        """Applies a tool to samples; see `Toolset`."""
        return await self.providers[tool.name].apply(tool, samples)


class RemoteTools:
    """The tools of some providers that plans may name; see `ToolBox`.

    Args:
        providers: in the order of their precedence. Whoever made them closes them.
    """

    def __init__(self, providers: Sequence[Provider]) -> None:
        self._providers = providers

    def check(self) -> None:
        """Returns if providers are set up; see `ToolBox`."""
        if not self._providers:
            raise FailedPrecondition(
                "no provider of tools is set up, by AUTOFLOW_TOOL_PROVIDERS or by AUTOFLOW_TOOLS_FILE"
            )

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
                if tool.name not in owners:
                    owners[tool.name] = provider
                    # One with arguments is for steps; its name is taken all the same.
                    if not tool.arguments_schema:
                        tools[tool.name] = tool
        return RemoteToolset(tools, complete=True, providers=owners)
