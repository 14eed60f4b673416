"""Calls one tool and prints what it made."""

from __future__ import annotations

import base64
import uuid
from pathlib import Path

from autoflow.cli.console import Output, one_line, printable
from autoflow.cli.exits import ExitCode
from autoflow.cli.tools.registry import registry_of
from autoflow.tools.model import FailureKind, ToolFailure, ToolOutput


async def call_tool(file: Path | None, name: str, arguments: str, seconds: float, output: Output) -> ExitCode:
    """Calls a tool.

    Args:
        file: names the sources.
        name: the tool's.
        arguments: a JSON object.
        seconds: that it may take.
        output: where to print.

    Returns:
        What the command ends with.

    Raises:
        AutoFlowError: as `Registry.call`.
    """
    async with registry_of(file) as registry:
        result = await registry.call(name, arguments, deadline=seconds, call_id=uuid.uuid4().hex)
    if isinstance(result, ToolFailure):
        return _failed(result, output)
    _show(result, output)
    return ExitCode.OK


def _show(made: ToolOutput, output: Output) -> None:
    if output.json:
        images = [base64.b64encode(image).decode() for image in made.images]
        output.document({"text": made.text, "images": images})
        return
    output.line(printable(made.text))
    for image in made.images:
        output.note(f"and a picture of {len(image):,} bytes, which --json writes in base64")


def _failed(failure: ToolFailure, output: Output) -> ExitCode:
    if output.json:
        output.document({"failure": {"kind": failure.kind, "message": failure.message}})
    else:
        output.note(f"autoflow: {one_line(failure.message)}")
    return ExitCode.NOT_OK if failure.kind is FailureKind.FAILED else ExitCode.USAGE
