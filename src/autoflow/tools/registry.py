"""One registry of tools from several sources, and the way of a call through it.

Of two tools of one name, the first source's is taken, always: as long as a source was never reached, nobody
knows what it has, so a name that only later sources have is Unavailable, unless the settings say which tools
are taken of the source.

A call's arguments are judged by the tool's schema before anything is called. It ends within its time, and
what it brings is bounded. Only a tool that says that it is idempotent is called again when its answer was
lost.
Left out: who may call what; a request says by `allowed` which tools there are for it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from autoflow.concurrency import gather
from autoflow.errors import DeadlineExceeded, ResourceExhausted, Unavailable
from autoflow.suites import Tool
from autoflow.telemetry import span
from autoflow.tools.arguments import Arguments, InvalidArguments
from autoflow.tools.model import (
    FailureKind,
    Listed,
    Listing,
    Source,
    ToolCall,
    ToolFailure,
    ToolOutput,
    ToolResult,
)
from autoflow.tools.outputs import cut

_ATTEMPTS = 3
"""Of a call that may be repeated."""
_BACKOFF = 0.2
"""Seconds before the second attempt; doubled before the third."""
_LIST_SECONDS = 20.0
"""That a source has to name its tools."""
_MOST_CACHED = 1024
_NAMED = 20
"""Names of tools in the words about one that is not there."""


class Registry:
    """The tools of some sources.

    Args:
        sources: in the order of their precedence; closed with the registry.
        characters: of the text that a call brings at most.
        seconds: the most that one call may take, whatever its caller allows.
        monotonic: seconds that only grow.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        *,
        characters: int = 20_000,
        seconds: float = 120.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sources = tuple(sources)
        self._characters = characters
        self._seconds = seconds
        self._monotonic = monotonic
        self._judges: dict[str, Arguments] = {}

    async def close(self) -> None:
        """Closes the sources."""
        await gather(source.close() for source in self._sources)

    async def list_tools(self) -> tuple[Listed, ...]:
        """The sources with the tools that can be used, in their order."""
        shown: list[Listed] = []
        taken: set[str] = set()
        listings = await gather(_listing(source) for source in self._sources)
        for source, listing in zip(self._sources, listings, strict=True):
            own = {tool.name: tool for tool in listing.tools or () if tool.name not in taken}
            taken.update(own)
            tools = sorted(own.values(), key=lambda tool: tool.name)
            shown.append(Listed(source.name, source.kind, tools, listing.unavailable))
        return tuple(shown)

    async def call(
        self,
        name: str,
        arguments: str,
        *,
        deadline: float,
        call_id: str,
        allowed: Collection[str] | None = None,
    ) -> ToolResult:
        """Calls a tool.

        Args:
            name: the tool's.
            arguments: a JSON object by the tool's schema.
            deadline: seconds that the call may take, all attempts together.
            call_id: printable ASCII; the same for every repetition of one call, also by another process, so
                that a source can know it again.
            allowed: names of the tools that there are for this caller; None: all.

        Returns:
            What the tool made; or why there is nothing, for the model: the name, the arguments, or the tool's
            own words.

        Raises:
            Unavailable: the source cannot be reached, or does not keep its contract.
            ResourceExhausted: the source has too much to do.
            DeadlineExceeded: it took too long.
        """
        deadline = min(deadline, self._seconds)
        ends = self._monotonic() + deadline
        try:
            async with asyncio.timeout(deadline):
                found = await self._find(name, allowed)
                if isinstance(found, ToolFailure):
                    return found
                source, tool = found
                try:
                    read = (await self._judge(tool)).read(arguments)
                except InvalidArguments as error:
                    return ToolFailure(str(error), FailureKind.INVALID_ARGUMENTS)
                call = ToolCall(name, read, arguments, call_id, deadline)
                # Neither the arguments nor the output: whoever wrote them did not mean them for the trace.
                with span("tool.call", {"autoflow.tool.name": name, "autoflow.tool.source": source.name}):
                    result = await self._attempts(source, call, tool.idempotent, ends)
        except TimeoutError:
            raise DeadlineExceeded(f"{name[:80]} took more than {deadline:g} s") from None
        return self._bounded(result)

    async def problem(self, name: str, arguments: str, *, allowed: Collection[str] | None = None) -> str:
        """Why a tool cannot be called so: the name or the arguments are wrong; empty where it can.

        Args:
            name: as in `call`.
            arguments: as in `call`.
            allowed: as in `call`.

        Raises:
            Unavailable: a source that may have the tool cannot be reached.
        """
        found = await self._find(name, allowed)
        if isinstance(found, ToolFailure):
            return found.message
        try:
            (await self._judge(found[1])).read(arguments)
        except InvalidArguments as error:
            return str(error)
        return ""

    async def _find(self, name: str, allowed: Collection[str] | None) -> tuple[Source, Tool] | ToolFailure:
        if allowed is not None and name not in allowed:
            return _unknown(name, allowed)
        there: list[str] = []
        # One after the other: a source that hangs keeps nobody waiting who needs only those before it.
        for source in self._sources:
            listing = await _listing(source)
            if listing.may_have(name):
                raise Unavailable(f"a source of tools that may have {name[:80]!r} cannot be reached")
            for tool in listing.tools or ():
                if tool.name == name:
                    if tool.arguments_schema:
                        return source, tool
                    return ToolFailure(
                        f"{name} is for plans and takes no arguments", FailureKind.UNKNOWN_TOOL
                    )
            there += [tool.name for tool in listing.tools or () if tool.arguments_schema]
        return _unknown(name, there if allowed is None else [one for one in there if one in allowed])

    async def _judge(self, tool: Tool) -> Arguments:
        judge = self._judges.get(tool.arguments_schema)
        if judge is None:
            if len(self._judges) >= _MOST_CACHED:
                self._judges.clear()
            # The first one loads what judges, and a schema takes some milliseconds.
            judge = await asyncio.to_thread(Arguments, tool.arguments_schema)
            self._judges[tool.arguments_schema] = judge
        return judge

    async def _attempts(self, source: Source, call: ToolCall, idempotent: bool, ends: float) -> ToolResult:
        for attempt in range(_ATTEMPTS):
            last = attempt == _ATTEMPTS - 1
            wait = _BACKOFF * 2**attempt
            try:
                return await source.call(replace(call, seconds=max(ends - self._monotonic(), 0.001)))
            except ResourceExhausted as error:
                # It was not called, so any tool may be called again.
                if last:
                    raise
                wait = error.retry_after or wait
            except Unavailable:
                if last or not idempotent:
                    raise
            await asyncio.sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    def _bounded(self, result: ToolResult) -> ToolResult:
        if isinstance(result, ToolFailure):
            return ToolFailure(cut(result.message, self._characters), result.kind)
        return ToolOutput(cut(result.text, self._characters), result.images)


async def _listing(source: Source) -> Listing:
    try:
        async with asyncio.timeout(_LIST_SECONDS):
            return await source.listing()
    except TimeoutError:
        return Listing(None, f"it did not name its tools within {_LIST_SECONDS:g} s")


def _unknown(name: str, there: Collection[str]) -> ToolFailure:
    names = sorted(there)
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    told = f"there are: {', '.join(names[:_NAMED])}{more}" if names else "there are none"
    return ToolFailure(f"no tool is named {name[:80]!r}; {told}", FailureKind.UNKNOWN_TOOL)
