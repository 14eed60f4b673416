"""`autoflow runs`: optimisations, evaluations and matrices of a trainer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autoflow.cli.console import Output
from autoflow.cli.exits import ExitCode
from autoflow.cli.options import TRAINER, JsonOption, RunArgument, TrainerOption, require_place

app = typer.Typer(
    help="List, show, watch and cancel runs; save their pages.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="Runs at most.")] = 20,
    trainer: TrainerOption = TRAINER,
    json: JsonOption = False,
) -> None:
    """List runs, the newest first."""
    from autoflow.cli.runs.commands import list_runs
    from autoflow.cli.runtime import run

    run(list_runs(trainer, limit, Output(json)))


@app.command("show")
def show(run_: RunArgument, trainer: TrainerOption = TRAINER, json: JsonOption = False) -> None:
    """Show a run.

    Where it stands, what it has spent, and what came out.

    Exit status: 0 whatever the run's state; `watch` judges it.
    """
    from autoflow.cli.runs.commands import show_run
    from autoflow.cli.runtime import run

    run(show_run(trainer, run_, Output(json)))


@app.command("watch")
def watch(run_: RunArgument, trainer: TrainerOption = TRAINER, json: JsonOption = False) -> None:
    """Follow a run to its end.

    Then shows it; with --json, a line for every change, with those iterations alone that no earlier line had.
    Interrupting this leaves the run as it is.

    Exit status: 0 if the run succeeded; 1 if it failed or was cancelled.
    """
    from autoflow.cli.runs.commands import watch_run
    from autoflow.cli.runtime import run

    if not run(watch_run(trainer, run_, Output(json))):
        raise typer.Exit(ExitCode.NOT_OK)


@app.command("cancel")
def cancel(run_: RunArgument, trainer: TrainerOption = TRAINER, json: JsonOption = False) -> None:
    """Ask a run to stop.

    What it has committed is kept.

    Exit status: 0 if it stops or was cancelled; 1 if it had ended before.
    """
    from autoflow.cli.runs.commands import cancel_run
    from autoflow.cli.runtime import run

    if not run(cancel_run(trainer, run_, Output(json))):
        raise typer.Exit(ExitCode.NOT_OK)


@app.command("report")
def report(
    run_: RunArgument,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", dir_okay=False, help="Where to save it.")],
    trainer: TrainerOption = TRAINER,
    json: JsonOption = False,
) -> None:
    """Save the page of a run: one HTML file that needs nothing else.

    Of an optimisation: the curves of the rewards, the tree of candidates, the winner and what changed, every
    task, failures by step and what it cost. Of an evaluation: every task with answers, plans and rewards,
    inputs and outputs. Of a matrix: the table and a heat map. Only a run that has succeeded has one.

    Exit status: 0 if it is saved; 2 if there is no such run or folder, or the run has no page.
    """
    from autoflow.cli.runs.carrying import fetch_report
    from autoflow.cli.runtime import run

    require_place(out)
    run(fetch_report(trainer, run_, out, Output(json)))
