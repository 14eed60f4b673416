"""`autoflow lint`: parses and lints workflows here, without any service."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.text import Text

from autoflow.cli.console import Output, one_line
from autoflow.cli.exits import CommandFailed, ExitCode
from autoflow.cli.figures import count
from autoflow.cli.options import JsonOption
from autoflow.cli.source import label, read_source
from autoflow.language import Checked, Diagnostic, Severity, check

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}


def lint(
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="Workflows; `-` is standard input.")],
    json: JsonOption = False,
) -> None:
    """Check whether workflows can be executed.

    Says what is wrong, and what had to be guessed, in a line for each finding: `path:line:column code
    severity: message`.

    Exit status: 0 without errors (warnings are allowed); 1 with errors; 2 if a file cannot be read, or is
    larger than any workflow.
    """
    output = Output(json)
    checked: dict[str, Checked] = {}
    unreadable = False
    for name in dict.fromkeys(files):
        try:
            checked[name] = check(read_source(name))
        except CommandFailed as error:
            # The other files are still worth a look.
            output.note(f"autoflow: {one_line(error.message)}")
            unreadable = True
    if json:
        output.document({"files": [_document(name, result) for name, result in checked.items()]})
    else:
        for name, result in checked.items():
            for found in result.diagnostics:
                output.line(diagnostic_line(name, found))
        output.note(_summary(checked))
    if unreadable:
        raise typer.Exit(ExitCode.USAGE)
    if not all(result.ok for result in checked.values()):
        raise typer.Exit(ExitCode.NOT_OK)


def diagnostic_line(name: str, found: Diagnostic) -> Text:
    """A finding as one line that editors can follow; what concerns the whole text is put at its begin."""
    place = f"{label(name)}:{max(found.line, 1)}:{max(found.column, 1)}"
    style = _STYLES[found.severity]
    parts = [
        Text(one_line(place), "bold"),
        Text(f"{found.code} {found.severity}:", style),
        Text(one_line(found.message)),
    ]
    if found.fix:
        parts.append(Text(one_line(found.fix), "dim"))
    return Text(" ").join(parts)


def _summary(checked: dict[str, Checked]) -> str:
    severities = Counter(found.severity for result in checked.values() for found in result.diagnostics)
    counts = [count(severities[severity], severity) for severity in (Severity.ERROR, Severity.WARNING)]
    return f"{', '.join(counts)} in {count(len(checked), 'file')}"


def _document(name: str, result: Checked) -> dict[str, Any]:
    return {
        "path": label(name),
        "valid": result.ok,
        "digest": result.workflow.digest if result.workflow else None,
        "diagnostics": [asdict(found) for found in result.diagnostics],
    }
