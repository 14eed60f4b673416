"""`autoflow workflows`: registered workflows, their versions, and the aliases that products call."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from autoflow.cli.commands.show import Format
from autoflow.cli.console import Output
from autoflow.cli.exits import ExitCode
from autoflow.cli.options import GENERATOR, GeneratorOption, JsonOption

app = typer.Typer(
    help="List, show, compare, create, promote and roll back registered workflows.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

ReferenceArgument = Annotated[
    str,
    typer.Argument(
        metavar="WORKFLOW", help="`planner@production`, `planner@3`, or `planner` for the newest."
    ),
]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why, for the history.")]


class DiffFormat(StrEnum):
    """How a difference is shown."""

    TEXT = "text"
    MERMAID = "mermaid"


@app.command("list")
def list_(
    workflow: Annotated[
        str | None, typer.Argument(metavar="[WORKFLOW]", help="List the versions of this one.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="Lines at most.")] = 20,
    generator: GeneratorOption = GENERATOR,
    json: JsonOption = False,
) -> None:
    """List registered workflows by name, or the versions of one, the newest first."""
    from autoflow.cli.runtime import run
    from autoflow.cli.workflows.commands import list_versions, list_workflows

    if workflow is None:
        run(list_workflows(generator, limit, Output(json)))
    else:
        run(list_versions(generator, workflow, limit, Output(json)))


@app.command("show")
def show(
    workflow: ReferenceArgument,
    format: Annotated[
        Format | None,
        typer.Option(
            "--format", help="Its text (`core`) or its flowchart alone, as `autoflow show` writes it."
        ),
    ] = None,
    generator: GeneratorOption = GENERATOR,
    json: JsonOption = False,
) -> None:
    """Show a version: where it comes from, what it scored, and its steps."""
    from autoflow.cli.runtime import run
    from autoflow.cli.workflows.commands import show_version

    run(show_version(generator, workflow, format, Output(json)))


@app.command("diff")
def diff(
    before: Annotated[str, typer.Argument(metavar="BEFORE", help="A version, or a file.")],
    after: Annotated[str, typer.Argument(metavar="AFTER", help="A version, or a file.")],
    format: Annotated[
        DiffFormat, typer.Option("--format", help="Text, or a flowchart that marks what changed.")
    ] = DiffFormat.TEXT,
    generator: GeneratorOption = GENERATOR,
    json: JsonOption = False,
) -> None:
    """Show what changed from one workflow to another.

    Steps are matched by what they say: one that only has another number now has not changed. Lines begin with
    `+` where a step was added, `-` where it was removed, and with both where it was changed.

    Exit status: 0 if nothing changed; 1 if something did; 2 if one is not there or cannot be read.
    """
    from autoflow.cli.runtime import run
    from autoflow.cli.workflows.differing import show_difference

    if not run(show_difference(generator, (before, after), format == DiffFormat.MERMAID, Output(json))):
        raise typer.Exit(ExitCode.NOT_OK)


@app.command("create")
def create(
    workflow: Annotated[str, typer.Argument(metavar="WORKFLOW", help="The registered workflow: `planner`.")],
    file: Annotated[str, typer.Argument(metavar="FILE", help="The text; `-` is standard input.")],
    description: Annotated[str, typer.Option("--description", help="What people should know of it.")] = "",
    generator: GeneratorOption = GENERATOR,
    json: JsonOption = False,
) -> None:
    """Add a version of a registered workflow, which the first version creates.

    Exit status: 0 if it is there; 2 if the text has lint errors or cannot be read.
    """
    from autoflow.cli.runtime import run
    from autoflow.cli.workflows.commands import create_version

    run(create_version(generator, workflow, file, description, Output(json)))


@app.command("promote")
def promote(
    workflow: Annotated[str, typer.Argument(metavar="VERSION", help="The version: `planner@3`.")],
    alias: Annotated[str, typer.Argument(metavar="ALIAS", help="The alias: `production`.")],
    expect: Annotated[
        int | None,
        typer.Option(
            "--expect",
            min=0,
            help="The version that the alias points at now; 0: there is none. [default: what is read first]",
            show_default=False,
        ),
    ] = None,
    reason: ReasonOption = "",
    generator: GeneratorOption = GENERATOR,
    json: JsonOption = False,
) -> None:
    """Point an alias at a version.

    Exit status: 0 if it points there; 1 if somebody else moved it in between; 2 if there is no such version.
    """
    from autoflow.cli.runtime import run
    from autoflow.cli.workflows.moving import promote_version

    run(promote_version(generator, workflow, alias, expect, reason, Output(json)))


@app.command("rollback")
def rollback(
    alias: Annotated[str, typer.Argument(metavar="ALIAS", help="The alias: `planner@production`.")],
    reason: ReasonOption = "",
    generator: GeneratorOption = GENERATOR,
    json: JsonOption = False,
) -> None:
    """Point an alias back at the version before its last promotion.

    Exit status: 0 if it points there; 1 if somebody else moved it in between; 2 if there is no such alias,
    or no earlier version.
    """
    from autoflow.cli.runtime import run
    from autoflow.cli.workflows.moving import rollback_alias

    run(rollback_alias(generator, alias, reason, Output(json)))


@app.command("history")
def history(
    workflow: Annotated[
        str,
        typer.Argument(
            metavar="WORKFLOW", help="`planner` for all its aliases, `planner@production` for one."
        ),
    ],
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="Changes at most.")] = 20,
    generator: GeneratorOption = GENERATOR,
    json: JsonOption = False,
) -> None:
    """List every move of a workflow's aliases, the newest first."""
    from autoflow.cli.runtime import run
    from autoflow.cli.workflows.commands import list_changes

    run(list_changes(generator, workflow, limit, Output(json)))
