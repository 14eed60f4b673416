"""`autoflow runs`: optimisations and evaluations of a trainer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autoflow.cli.console import Output
from autoflow.cli.exits import CommandFailed, ExitCode
from autoflow.cli.names import suite_name
from autoflow.cli.options import (
    DEFAULT_METHOD,
    MODEL,
    SUITE,
    TRAINER,
    JsonOption,
    MethodOption,
    RewardOption,
    RunArgument,
    SeedOption,
    TrainerOption,
    require_place,
)
from autoflow.cli.source import read_source

app = typer.Typer(
    help="Create, list, show, watch and cancel runs; save the pages of evaluations.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@app.command("create")
def create(
    suite: Annotated[
        str, typer.Option("--suite", help="What to optimise for: `suites/<id>`, or the id.")
    ] = SUITE,
    generator: Annotated[str, typer.Option("--generator", help="The model that learns to write.")] = MODEL,
    interpreter: Annotated[str, typer.Option("--interpreter", help="The model that executes.")] = MODEL,
    method: MethodOption = DEFAULT_METHOD,
    reward: RewardOption = None,
    seed: SeedOption = 0,
    iterations: Annotated[
        int, typer.Option("--iterations", min=0, max=10_000, help="0: the method's own number.")
    ] = 0,
    candidates: Annotated[
        int, typer.Option("--candidates", min=0, max=256, help="An iteration; 0: the method's own number.")
    ] = 0,
    compare: Annotated[
        list[str] | None,
        typer.Option(
            "--compare", metavar="NAME=FILE", help="A workflow to measure beside the winner; may be repeated."
        ),
    ] = None,
    trainer: TrainerOption = TRAINER,
    json: JsonOption = False,
) -> None:
    """Create a run and print its name; it goes on by itself."""
    from autoflow.cli.runs.commands import create_run
    from autoflow.cli.runs.request import RunRequest
    from autoflow.cli.runtime import run

    suite_name(suite)  # Refuses what is none.
    request = RunRequest(
        suite=suite,
        generator=generator,
        interpreter=interpreter,
        method=method,
        reward=reward,
        seed=seed,
        iterations=iterations,
        candidates=candidates,
        comparators=dict(map(_comparator, compare or [])),
    )
    run(create_run(trainer, request, Output(json)))


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
    """Save the page of an evaluation.

    One HTML file with every task: answers, plans and rewards, and inputs and outputs where plans were
    executed. Only an evaluation that has succeeded has one.

    Exit status: 0 if it is saved; 2 if there is no such run or folder, or the run has no page.
    """
    from autoflow.cli.evaluation.command import fetch_report
    from autoflow.cli.runtime import run

    require_place(out)
    run(fetch_report(trainer, run_, out, Output(json)))


def _comparator(argument: str) -> tuple[str, str]:
    name, separator, file = argument.partition("=")
    if not separator or not name or not file:
        raise CommandFailed(f"--compare {argument}: it reads NAME=FILE", ExitCode.USAGE)
    return name, read_source(str(Path(file)))
