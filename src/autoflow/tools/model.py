"""What a tool's source is, and what comes of a call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, TypeAlias

from autoflow.suites import Tool


class SourceKind(StrEnum):
    """The kinds of sources."""

    TOOL_SERVICE = "tool_service"
    """A server of ToolService."""
    MCP = "mcp"
    """An MCP server."""
    BUILT_IN = "built_in"
    """Part of this process."""


class FailureKind(StrEnum):
    """Whose doing a failure is."""

    UNKNOWN_TOOL = "unknown tool"
    """There is no such tool, or the request does not allow it."""
    INVALID_ARGUMENTS = "invalid arguments"
    """They are no JSON object by the tool's schema; the tool was not called."""
    FAILED = "failed"
    """The tool was called and says that it cannot."""


@dataclass(frozen=True, slots=True)
class ToolOutput:
    """What a tool made."""

    text: str
    """At most as long as the registry's limit; a longer one is cut, and says so."""
    images: tuple[bytes, ...] = ()
    """Pictures as the bytes of their files."""


@dataclass(frozen=True, slots=True)
class ToolFailure:
    """Why a tool made nothing: an observation for the model, which may do better."""

    message: str
    kind: FailureKind = FailureKind.FAILED


ToolResult: TypeAlias = ToolOutput | ToolFailure


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call, its arguments already judged by the tool's schema."""

    tool: str
    arguments: dict[str, Any]
    text: str
    """The arguments as the caller wrote them, in JSON."""
    call_id: str
    """The same for every repetition of one call; sources pass it on."""
    seconds: float
    """What is left of the time that the call may take."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What a source has."""

    tools: tuple[Tool, ...] | None
    """As it last named them; None where it never could be asked."""
    unavailable: str = ""
    """Why it cannot be reached now; empty where it can."""
    only: frozenset[str] | None = None
    """The names of the tools that are taken of it; None where that is any."""

    def may_have(self, name: str) -> bool:
        """Whether it could have a tool that it has not named yet."""
        return self.tools is None and (self.only is None or name in self.only)


class Source(Protocol):
    """Where tools come from."""

    @property
    def name(self) -> str:
        """Its name in the settings."""

    @property
    def kind(self) -> SourceKind:
        """Its kind."""

    async def listing(self) -> Listing:
        """Its tools; those without an arguments schema are for plans. Never fails."""

    async def call(self, call: ToolCall) -> ToolResult:
        """Calls one of its tools that has an arguments schema.

        Raises:
            Unavailable: it cannot be reached, died, or does not keep its contract.
            ResourceExhausted: it has too much to do; the tool was not called.
        """

    async def close(self) -> None:
        """Lets go of what it holds. Harmless when repeated."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A source as a registry shows it."""

    name: str
    kind: SourceKind
    tools: Sequence[Tool]
    """Sorted by name, without those that a source before it has."""
    unavailable: str
