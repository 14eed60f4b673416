"""`autoflow evaluate`: workflows side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from autoflow.cli.console import Output
from autoflow.cli.exits import CommandFailed, ExitCode
from autoflow.cli.names import suite_name
from autoflow.cli.options import (
    MODEL,
    SUITE,
    TRAINER,
    DataOption,
    JsonOption,
    RewardOption,
    SeedOption,
    TrainerOption,
    data_folder,
    given,
    require_place,
)


def evaluate(
    ctx: typer.Context,
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME=]FILE...", help="Workflows; each is called as its file is, or NAME."),
    ] = None,
    built_in: Annotated[
        list[str] | None,
        typer.Option(
            "--with", metavar="NAME", help="`baseline`, `expert` or `travel`, hand-written; may be repeated."
        ),
    ] = None,
    suite: Annotated[str, typer.Option("--suite", help="What to measure on.")] = SUITE,
    split: Annotated[
        Literal["train", "validation", "test"],
        typer.Option("--split", help="Whose tasks; openings of the test split are counted."),
    ] = "validation",
    interpreter: Annotated[str, typer.Option("--interpreter", help="The model that executes.")] = MODEL,
    tasks: Annotated[
        int, typer.Option("--tasks", min=0, max=10_000, help="Drawn stratified; 0: all of the split.")
    ] = 0,
    samples: Annotated[int, typer.Option("--samples", min=1, max=64, help="Of a task.")] = 8,
    reward: RewardOption = None,
    seed: SeedOption = 0,
    max_executions: Annotated[
        int, typer.Option("--max-executions", min=0, help="Limit on executions; 0: none.")
    ] = 0,
    max_tokens: Annotated[int, typer.Option("--max-tokens", min=0, help="Limit on tokens; 0: none.")] = 0,
    max_seconds: Annotated[
        float, typer.Option("--max-seconds", min=0, help="Limit on the work's time; 0: none.")
    ] = 0.0,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", dir_okay=False, help="Save a page to look at, in HTML."),
    ] = None,
    local: Annotated[
        bool, typer.Option("--local", metavar="", help="Start all services in this command.")
    ] = False,
    trainer: TrainerOption = TRAINER,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Measure workflows side by side.

    Executes each workflow on the same tasks and prints means with 95% intervals: by metric, over all tasks,
    and the part of valid plans; last, the same for the tasks' reference plans. On a suite that judges answers
    itself, such as `travel`, the measures of its constraints take their place. Improvements are over the
    first workflow, built-in ones first.

    Interrupting this leaves a trainer's run as it is. With --local it goes on when the same command is given
    again; the state is in the folder `evaluate` of --data, in which one command works at a time.

    Exit status: 0 if the evaluation succeeded; 1 if not; 2 if a workflow has lint errors, something named is
    not there, or another command works in the folder; 3 if no trainer can be reached.
    """
    from autoflow.cli.evaluation.command import evaluate_locally, evaluate_workflows
    from autoflow.cli.evaluation.request import EvaluationRequest
    from autoflow.cli.evaluation.workflows import named_workflows
    from autoflow.cli.runtime import run
    from autoflow.suites import Split

    if local and given(ctx, "trainer"):
        raise CommandFailed(
            "--local is without a trainer: leave out one of --local, --trainer", ExitCode.USAGE
        )
    if not local and given(ctx, "data"):
        raise CommandFailed("--data is for --local: a trainer has a folder of its own", ExitCode.USAGE)
    if out is not None:
        require_place(out)
    suite_name(suite)  # Refuses what is none.
    output = Output(json)
    request = EvaluationRequest(
        suite=suite,
        split=Split(split),
        workflows=named_workflows(files or [], built_in or []),
        interpreter=interpreter,
        reward=reward,
        tasks=tasks,
        samples=samples,
        seed=seed,
        max_executions=max_executions,
        max_tokens=max_tokens,
        max_seconds=max_seconds,
    )
    if local:
        run(evaluate_locally(request, data_folder(data) / "evaluate", out, output))
    else:
        run(evaluate_workflows(request, trainer, out, output))
