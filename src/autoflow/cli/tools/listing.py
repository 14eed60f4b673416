"""Shows tools: those of a file's sources, or those of a running interpreter."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from autoflow.cli.console import Output, one_line
from autoflow.cli.reaching import reaching
from autoflow.cli.tools.registry import registry_of
from autoflow.cli.wire import enum_word, to_json
from autoflow.client import Client
from autoflow.tools.convert import tools_to_proto
from autoflow.v1 import interpreter_service_pb2 as pb


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
    output.result(_table(listed.sources))
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


def _table(sources: Sequence[pb.ToolSource]) -> RenderableType:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("tool", "source", "for"):
        table.add_column(name, no_wrap=True)
    table.add_column("what it does")
    for source in sources:
        kind = enum_word(pb.ToolSourceKind.DESCRIPTOR, "TOOL_SOURCE_KIND_", source.kind)
        for tool in source.tools:
            table.add_row(
                Text(one_line(tool.name), "bold"),
                Text(f"{one_line(source.name)} ({kind})"),
                Text("steps" if tool.arguments_schema else "plans"),
                Text(one_line(tool.description)),
            )
    return table
