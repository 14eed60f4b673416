"""Shows tools: those of a file's sources, or those of a running interpreter."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from autoflow.cli.console import Output, one_line
from autoflow.cli.reaching import reaching
from autoflow.cli.tools.registry import registry_of
from autoflow.cli.wire import enum_word, to_json
from autoflow.client import Client
from autoflow.tools.convert import tools_to_proto
from autoflow.v1 import interpreter_service_pb2 as pb
from autoflow.v1 import task_pb2

_HEADINGS = ("tool", "source", "for", "what it does")
_WORDS = 30
"""Columns that the last of these wants beside the rest."""
_GAP = 2


async def list_tools(file: Path | None, interpreter: str | None, output: Output) -> None:
    """Prints sources and their tools.

    Args:
        file: names the sources.
        interpreter: `host:port` of one to ask instead.
        output: where to print.
    """
    listed = await (_own(file) if interpreter is None else _of(interpreter))
    if output.json:
        output.document(to_json(listed))
        return
    output.result(_listing(listed.sources, output.out.width))
    for source in listed.sources:
        if source.unavailable:
            output.note(one_line(f"{source.name} cannot be reached: {source.unavailable}"))


async def _own(file: Path | None) -> pb.InterpreterServiceListToolsResponse:
    async with registry_of(file) as registry:
        return tools_to_proto(await registry.list_tools())


async def _of(address: str) -> pb.InterpreterServiceListToolsResponse:
    async with Client(interpreter=address) as client:
        with reaching("interpreter", address):
            return await client.interpreter.list_tools(pb.InterpreterServiceListToolsRequest())


def _listing(sources: Sequence[pb.ToolSource], width: int) -> RenderableType:
    """A row for each tool; in a narrow terminal what it does is below the rest."""
    rows = [_cells(source, tool) for source in sources for tool in source.tools]
    *columns, _ = zip(map(Text, _HEADINGS), *rows, strict=True)
    beside = sum(max(cell.cell_len for cell in column) + _GAP for column in columns)
    if width < beside + _WORDS:
        gap = Text(" " * _GAP)
        lines: list[RenderableType] = []
        for *cells, words in rows:
            lines += [gap.join(cells), Padding(words, (0, 0, 0, _GAP))]
        return Group(*lines)
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0))
    for name in _HEADINGS[:-1]:
        table.add_column(name, no_wrap=True)
    table.add_column(_HEADINGS[-1])
    for row in rows:
        table.add_row(*row)
    return table


def _cells(source: pb.ToolSource, tool: task_pb2.Tool) -> tuple[Text, ...]:
    kind = enum_word(pb.ToolSourceKind.DESCRIPTOR, "TOOL_SOURCE_KIND_", source.kind)
    return (
        Text(one_line(tool.name), "bold"),
        Text(f"{one_line(source.name)} ({kind})"),
        Text("steps" if tool.arguments_schema else "plans"),
        Text(one_line(tool.description)),
    )
