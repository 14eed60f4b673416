"""`autoflow show`: a workflow as canonical text or as a diagram."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated

import typer

from autoflow.cli.commands.lint import diagnostic_line
from autoflow.cli.console import Output, one_line
from autoflow.cli.exits import CommandFailed, ExitCode
from autoflow.cli.options import JsonOption
from autoflow.cli.source import label, read_source
from autoflow.language import DEFAULT_LIMITS, Severity, Workflow, check, to_dot, to_mermaid


class Format(StrEnum):
    """How a workflow is shown."""

    CORE = "core"
    MERMAID = "mermaid"
    DOT = "dot"


def _core(workflow: Workflow) -> str:
    return workflow.text


WRITERS: dict[Format, Callable[[Workflow], str]] = {
    Format.CORE: _core,
    Format.MERMAID: to_mermaid,
    Format.DOT: to_dot,
}
"""How a workflow becomes text, by format."""


def show(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The workflow; `-` is standard input.")],
    format: Annotated[
        Format, typer.Option("--format", help="`core`: canonical text. `mermaid`, `dot`: a flowchart.")
    ] = Format.CORE,
    json: JsonOption = False,
) -> None:
    """Show a workflow as canonical text or as a flowchart.

    Any text that has a step can be shown; standard error counts its lint errors.

    Exit status: 0 if it was shown, lint errors or not; 1 if no line is a step; 2 if the file cannot be read.
    """
    output = Output(json)
    text = read_source(file)
    if len(text) > DEFAULT_LIMITS.max_text_chars:
        reason = f"longer than the {DEFAULT_LIMITS.max_text_chars:,} characters of a workflow"
        raise CommandFailed(f"{label(file)}: {reason}", ExitCode.NOT_OK)
    checked = check(text)
    if checked.workflow is None:
        for found in checked.diagnostics:
            output.note(diagnostic_line(file, found))
        raise typer.Exit(ExitCode.NOT_OK)
    shown = WRITERS[format](checked.workflow)
    if json:
        output.document(
            {
                "path": label(file),
                "format": format,
                "text": shown,
                "digest": checked.workflow.digest,
                "valid": checked.ok,
            }
        )
    else:
        # Canonical text and diagrams hold no control characters, and must come out exactly as they are.
        typer.echo(shown, nl=False)
    errors = sum(found.severity is Severity.ERROR for found in checked.diagnostics)
    if errors:
        output.note(one_line(f"{label(file)}: {errors} lint error(s); see `autoflow lint`"))
