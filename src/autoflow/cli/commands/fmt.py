"""`autoflow fmt`: writes workflows in canonical form, and mends them where that is asked for."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from autoflow.cli.commands.lint import diagnostic_line
from autoflow.cli.console import Output, one_line
from autoflow.cli.exits import CommandFailed, ExitCode
from autoflow.cli.options import JsonOption
from autoflow.cli.source import STDIN, label, read_source
from autoflow.files import replacing
from autoflow.language import Diagnostic, check, repair


@dataclass(frozen=True, slots=True)
class _Formatted:
    """What came of a text."""

    text: str | None
    """Canonical; None where it could not be written."""
    changed: bool
    changes: tuple[Diagnostic, ...]
    """What the repair changed."""
    diagnostics: tuple[Diagnostic, ...]
    """Findings in the source: what was forgiven in it, or why it could not be written."""


def fmt(
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="Workflows; `-` is standard input.")],
    check: Annotated[
        bool, typer.Option("--check", metavar="", help="Write nothing; fail where something would change.")
    ] = False,
    mend: Annotated[
        bool, typer.Option("--repair", metavar="", help="Mend what is broken first, and tell every change.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Write workflows in canonical form, in place; standard input goes to standard output.

    Formatting keeps the workflow. A text with errors is left as it is, unless `--repair` can mend it.

    Exit status: 0 if all are in canonical form now; 1 if one could not be written, or with `--check` would
    change; 2 if a file cannot be read or written.
    """
    output = Output(json)
    results: dict[str, _Formatted] = {}
    unusable = False
    for name in dict.fromkeys(files):
        try:
            results[name] = formatted = _format(_read(name), mend)
            if not check:
                _write(name, formatted, quiet=json)
        except CommandFailed as error:
            output.note(f"autoflow: {one_line(error.message)}")
            unusable = True
    for name, result in results.items():
        for found in (*result.changes, *result.diagnostics):
            output.note(diagnostic_line(name, found))
        if check and result.changed:
            output.note(f"{one_line(label(name))}: would change")
    if json:
        output.document({"files": [_document(name, result) for name, result in results.items()]})
    if unusable:
        raise typer.Exit(ExitCode.USAGE)
    if any(result.text is None or (check and result.changed) for result in results.values()):
        raise typer.Exit(ExitCode.NOT_OK)


def _read(name: str) -> str:
    source = read_source(name)
    try:
        source.encode()
    except UnicodeEncodeError:
        # A linter may read such bytes as spaces; to write spaces in their place would destroy them.
        raise CommandFailed(f"{label(name)}: it is not UTF-8", ExitCode.USAGE) from None
    return source


def _format(source: str, mend: bool) -> _Formatted:
    if mend:
        repaired = repair(source)
        if repaired.workflow is None:
            return _Formatted(None, False, (), repaired.diagnostics)
        return _Formatted(repaired.text, repaired.text != source, repaired.changes, ())
    checked = check(source)
    if checked.workflow is None or not checked.ok:
        return _Formatted(None, False, (), checked.diagnostics)
    return _Formatted(checked.workflow.text, checked.workflow.text != source, (), checked.diagnostics)


def _write(name: str, formatted: _Formatted, *, quiet: bool) -> None:
    if formatted.text is None:
        return
    if name == STDIN:
        # With --json, standard output is the document, which holds the text.
        if not quiet:
            sys.stdout.write(formatted.text)
    elif formatted.changed:
        try:
            # A link stays a link.
            with replacing(Path(name).resolve()) as file:
                file.write(formatted.text.encode())
        except OSError as error:
            raise CommandFailed(f"{label(name)}: {error.strerror}", ExitCode.USAGE) from None


def _document(name: str, result: _Formatted) -> dict[str, Any]:
    return {
        "path": label(name),
        "text": result.text,
        "changed": result.changed,
        "changes": [asdict(found) for found in result.changes],
        "diagnostics": [asdict(found) for found in result.diagnostics],
    }
