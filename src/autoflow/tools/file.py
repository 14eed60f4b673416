"""The file that names the sources of tools (docs/tools.md).

It holds the *names* of variables that secrets are in, never the secrets, so it can be kept with other code.
An error names file, field and line, and quotes no value.

Left out: reading the file again while a service runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from autoflow.settings import SettingsError
from autoflow.settings_file import Strict, place_in, plain_url, read_settings_file

VARIABLE = "AUTOFLOW_TOOLS_FILE"
MOST_DOCUMENT_BYTES = 4 * 2**20
"""Of all documents of a source together."""
_MOST_SOURCES = 16

_VariableName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$")]
_References = dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,128}$")], _VariableName]
"""Names, and for each the variable of this process that its value is in."""
_ToolName = Annotated[str, Field(min_length=1, max_length=80)]


class ToolServiceEntry(Strict):
    """A server of ToolService."""

    address: str = Field(pattern=r"^\S+:[0-9]{1,5}$")
    """`host:port`."""


class McpEntry(Strict):
    """An MCP server: a program that is started and spoken to over its pipes, or a URL."""

    command: str | None = Field(default=None, min_length=1)
    args: tuple[str, ...] = ()
    env: _References = Field(default_factory=dict)
    """Variables of the program. Of this process' own it gets `PATH` and `HOME` and their like, and these."""
    url: Annotated[str, AfterValidator(plain_url)] | None = None
    headers: _References = Field(default_factory=dict)
    """Headers of every request to the URL."""

    @model_validator(mode="after")
    def _one_transport(self) -> Self:
        if (self.command is None) == (self.url is None):
            raise ValueError("it has a command or a url")
        if self.url is not None and (self.args or self.env):
            raise ValueError("args and env go with a command")
        if self.command is not None and self.headers:
            raise ValueError("headers go with a url")
        return self


class SourceEntry(Strict):
    """One source."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")
    tool_service: ToolServiceEntry | None = None
    mcp: McpEntry | None = None
    built_in: tuple[Literal["calculator", "date", "search"], ...] | None = None
    documents: tuple[str, ...] = Field(default=(), max_length=256)
    """Files that `search` looks through, as seen from the folder of this file."""
    tools: frozenset[_ToolName] | None = None
    """Names of the tools that are taken; None: all."""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        kinds = (self.tool_service, self.mcp, self.built_in)
        if sum(kind is not None for kind in kinds) != 1:
            raise ValueError("it has one of: tool_service, mcp, built_in")
        if bool(self.documents) != ("search" in (self.built_in or ())):
            raise ValueError("documents and the built-in search go together")
        if self.built_in is not None and self.tools is not None:
            raise ValueError("built_in names the tools that are taken already")
        return self


class _File(Strict):
    sources: tuple[SourceEntry, ...]

    @model_validator(mode="after")
    def _some_of_different_names(self) -> Self:
        names = [source.name for source in self.sources]
        if not 1 <= len(names) <= _MOST_SOURCES:
            raise ValueError(f"there are 1 to {_MOST_SOURCES} sources")
        if len(set(names)) != len(names):
            raise ValueError("two sources have the same name")
        return self


@dataclass(frozen=True, slots=True)
class ReadSource:
    """A source of the file, with what its references name."""

    entry: SourceEntry
    secrets: Mapping[str, str]
    """The values of `env`, or of `headers`."""
    documents: Mapping[str, str]
    """The texts of `documents` by their names in the file."""


def read_tools_file(path: Path, env: Mapping[str, str]) -> list[ReadSource]:
    """Reads a file, the documents that it names, and the variables that it refers to.

    Args:
        path: the file.
        env: where variables are looked up.

    Raises:
        SettingsError: it cannot be read or says something else, a document cannot be read, or a variable is
            not set.
    """
    path = path.expanduser()
    entries = read_settings_file(_File, path, VARIABLE).sources
    return [
        ReadSource(entry, _secrets(entry, path, at, env), _documents(entry, path, at))
        for at, entry in enumerate(entries)
    ]


def _secrets(entry: SourceEntry, path: Path, at: int, env: Mapping[str, str]) -> dict[str, str]:
    if entry.mcp is None:
        return {}
    found: dict[str, str] = {}
    for field in ("env", "headers"):
        references: _References = getattr(entry.mcp, field)
        for name, variable in references.items():
            value = env.get(variable, "")
            if not value or not value.isprintable() or (field == "headers" and not value.isascii()):
                why = "cannot be sent" if value else "is not set"
                # Not the variable's name: it might be the secret itself, written into the wrong place.
                raise _wrong(path, ("sources", at, "mcp", field, name), f"the variable that it names {why}")
            found[name] = value
    return found


def _documents(entry: SourceEntry, path: Path, at: int) -> dict[str, str]:
    found: dict[str, str] = {}
    size = 0
    for number, name in enumerate(entry.documents):
        try:
            data = (path.parent / name).read_bytes()
            found[name] = data.decode()
        except (OSError, ValueError):
            place = ("sources", at, "documents", number)
            raise _wrong(path, place, "it cannot be read as a text in UTF-8") from None
        size += len(data)
        if size > MOST_DOCUMENT_BYTES:
            words = f"they have more than {MOST_DOCUMENT_BYTES} bytes"
            raise _wrong(path, ("sources", at, "documents"), words)
    return found


def _wrong(path: Path, keys: tuple[str | int, ...], words: str) -> SettingsError:
    return SettingsError(f"{VARIABLE}: {path}: {place_in(path, keys)}: {words}")
