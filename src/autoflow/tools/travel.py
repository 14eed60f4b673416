"""Serves the tools of the suite `travel`: `python -m autoflow.tools.travel` (docs/travel.md).

The six tools over the country that the suite makes up, behind ToolService, for steps of workflows. They only
read, so each is idempotent, and any number of servers answer alike.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from autoflow.errors import InvalidArgument
from autoflow.server import Service, main
from autoflow.suites import Tool
from autoflow.suites.travel import TRAVEL_TOOLS, TravelTool, travel_database
from autoflow.suites.travel.model import Database
from autoflow.tools.built_in.source import CannotDo
from autoflow.tools.serving import tool_service


def build(env: Mapping[str, str]) -> Service:
    """Wires the service; makes the database when it starts. It has no settings but those of every server."""
    database = cache(travel_database)

    async def start() -> None:
        await asyncio.to_thread(database)

    return tool_service("travel", [_Searching(tool, database) for tool in TRAVEL_TOOLS], start=start)


class _Searching:
    """One of the tools, with what it searches."""

    def __init__(self, tool: TravelTool, database: Callable[[], Database]) -> None:
        self._tool = tool
        self._database = database

    @property
    def tool(self) -> Tool:
        """What it is."""
        return self._tool.tool

    def __call__(self, **arguments: Any) -> str:
        """Searches.

        Raises:
            CannotDo: there is no such place or date.
        """
        try:
            return self._tool.call(self._database(), arguments)
        except InvalidArgument as error:
            raise CannotDo(error.message) from None


if __name__ == "__main__":
    main(build)
