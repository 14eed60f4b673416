"""Makes the sources that settings name: of a file, of a list of addresses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from protovalidate import Validator

from autoflow.settings import SettingsError
from autoflow.tools.built_in.calculator import Calculator
from autoflow.tools.built_in.dates import DateTool
from autoflow.tools.built_in.search import Search
from autoflow.tools.built_in.source import BuiltIn, BuiltInTool
from autoflow.tools.file import VARIABLE, ReadSource, read_tools_file
from autoflow.tools.model import Source
from autoflow.tools.providers import Provider

if TYPE_CHECKING:
    from autoflow.tools.mcp.source import McpSource


class Sources:
    """Makes sources.

    Args:
        calls: calls of one source under way at most; further ones wait.
        seconds: the most that one call may take.
        now: the time, for the date.
    """

    def __init__(
        self,
        *,
        calls: int = 8,
        seconds: float = 120.0,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._calls = calls
        self._seconds = seconds
        self._now = now
        self._validator = Validator()

    def of_file(self, path: Path, env: Mapping[str, str]) -> list[Source]:
        """The sources of a file, in its order; nothing is connected or started yet.

        Args:
            path: see docs/tools.md.
            env: where the variables are that it refers to.

        Raises:
            SettingsError: the file is wrong, or names an MCP server and the package `mcp` is not installed.
        """
        return [self._source(read) for read in read_tools_file(path, env)]

    def of_addresses(self, addresses: Iterable[tuple[str, str]]) -> list[Provider]:
        """Servers of ToolService, each a name and its `host:port`."""
        return [self._provider(name, address) for name, address in addresses]

    def _source(self, read: ReadSource) -> Source:
        entry = read.entry
        if entry.tool_service is not None:
            return self._provider(entry.name, entry.tool_service.address, entry.tools)
        if entry.mcp is not None:
            return self._mcp(read)
        return BuiltIn(entry.name, [self._built_in(tool, read) for tool in entry.built_in or ()])

    def _provider(self, name: str, address: str, only: frozenset[str] | None = None) -> Provider:
        return Provider(
            name, address, calls=self._calls, seconds=self._seconds, validator=self._validator, only=only
        )

    def _built_in(self, tool: str, read: ReadSource) -> BuiltInTool:
        match tool:
            case "calculator":
                return Calculator()
            case "date":
                return DateTool(self._now)
            case _:
                return Search(read.documents)

    def _mcp(self, read: ReadSource) -> McpSource:
        # The package takes a second to import, and may not be there.
        try:
            from autoflow.tools.mcp.assembly import mcp_source
        except ModuleNotFoundError:
            raise SettingsError(
                f"{VARIABLE}: {read.entry.name} is an MCP server: pip install 'autoflow-services[mcp]'"
            ) from None
        return mcp_source(read, calls=self._calls)
