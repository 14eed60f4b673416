"""Shows what changed between two workflows, registered ones or files."""

from __future__ import annotations

from pathlib import Path

import typer
from rich.text import Text

from autoflow.cli.console import Output, printable
from autoflow.cli.exits import CommandFailed, ExitCode
from autoflow.cli.registered import registered_version
from autoflow.cli.source import STDIN, label, read_source
from autoflow.language import ChangeKind, Workflow, WorkflowDiff, check, diff, diff_to_mermaid

_STYLES = {"+": "green", "-": "red", " ": "dim"}


async def show_difference(address: str, given: tuple[str, str], as_diagram: bool, output: Output) -> bool:
    """Prints what changed.

    Args:
        address: of the generator; it is asked only where one of both is no file.
        given: the earlier and the later workflow, each a file or a reference such as `planner@3`.
        as_diagram: whether to print a flowchart.
        output: where to print.

    Returns:
        Whether nothing changed.

    Raises:
        CommandFailed: one cannot be read, or no line of it is a step.
    """
    before, after = [await _workflow(address, name) for name in given]
    found = diff(before, after)
    if output.json:
        output.document({**_json(found), "mermaid": diff_to_mermaid(found)})
    elif as_diagram:
        # Diagrams hold no control characters, and must come out exactly as they are.
        typer.echo(diff_to_mermaid(found), nl=False)
    else:
        for line in found.text.splitlines():
            output.line(Text(printable(line), _STYLES[line[0]]))
        counts = found.counts
        output.note(", ".join(f"{counts[kind]} {kind}" for kind in ChangeKind))
    return found.empty


async def _workflow(address: str, name: str) -> Workflow:
    if _is_file(name):
        text, called = read_source(name), label(name)
    else:
        version = await registered_version(address, name)
        text, called = version.workflow.source, version.name
    workflow = check(text).workflow
    if workflow is None:
        raise CommandFailed(f"{called}: no line is a step; see `autoflow lint`", ExitCode.USAGE)
    return workflow


def _is_file(name: str) -> bool:
    # No reference has a dot: what has one, and is not there, is a file that is not there.
    return name == STDIN or Path(name).is_file() or bool(Path(name).suffix)


def _json(found: WorkflowDiff) -> dict[str, object]:
    return {
        "same": found.empty,
        "counts": {kind.value: found.counts[kind] for kind in ChangeKind},
        "steps": [
            {
                "kind": change.kind.value,
                "before": change.before.text if change.before else None,
                "after": change.after.text if change.after else None,
                "parts": list(change.parts),
                "renamed": change.renamed,
            }
            for change in found.steps
        ],
    }
