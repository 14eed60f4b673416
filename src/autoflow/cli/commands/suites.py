"""`autoflow suites`: what workflows are optimised for and measured on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autoflow.cli.console import Output
from autoflow.cli.options import TRAINER, FolderFormat, JsonOption, TrainerOption

app = typer.Typer(
    help="Create, list and show the suites of a trainer.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@app.command("create")
def create(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The suite.")],
    form: Annotated[
        FolderFormat,
        typer.Option("--format", help="Of the folder: one's own, or OpenAGI's published one."),
    ] = FolderFormat.OWN,
    samples: Annotated[
        int | None,
        typer.Option("--samples", min=1, max=64, help="Take the first so many of each task.  [default: all]"),
    ] = None,
    trainer: TrainerOption = TRAINER,
    json: JsonOption = False,
) -> None:
    """Create a suite from a folder and print its name.

    The folder is read and checked first, then sent. A suite is named by its content: creating it again gives
    the same name and changes nothing. Of OpenAGI's folder, tasks that cannot be used are told and left out.

    Exit status: 0 if it is there; 2 if the folder is not as it should be, or the trainer refuses it; 3 if it
    is too large for the trainer, or no trainer can be reached.
    """
    from autoflow.cli.runtime import run
    from autoflow.cli.suites.commands import create_suite

    run(create_suite(trainer, folder, form, samples, Output(json)))


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="Suites at most.")] = 20,
    trainer: TrainerOption = TRAINER,
    json: JsonOption = False,
) -> None:
    """List suites, the built-in ones first, then the newest."""
    from autoflow.cli.runtime import run
    from autoflow.cli.suites.commands import list_suites

    run(list_suites(trainer, limit, Output(json)))


@app.command("show")
def show(
    suite: Annotated[str, typer.Argument(metavar="NAME", help="The suite: `suites/<id>`, or the id alone.")],
    trainer: TrainerOption = TRAINER,
    json: JsonOption = False,
) -> None:
    """Show a suite: its goal, its tools, how many tasks it has, and how often its test split was opened."""
    from autoflow.cli.runtime import run
    from autoflow.cli.suites.commands import show_suite

    run(show_suite(trainer, suite, Output(json)))
