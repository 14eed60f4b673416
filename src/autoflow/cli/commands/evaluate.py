"""`autoflow evaluate`: workflows side by side."""

from __future__ import annotations

from typing import Annotated

import typer

from autoflow.cli.console import Output
from autoflow.cli.names import suite_name
from autoflow.cli.options import (
    GENERATOR,
    MODEL,
    SUITE,
    TRAINER,
    BudgetOption,
    DataOption,
    DetachOption,
    JsonOption,
    LocalOption,
    OutOption,
    RegistryOption,
    RewardOption,
    SeedOption,
    SplitOption,
    SuiteOption,
    TrainerOption,
    data_folder,
    refuse_place_of_both,
    require_place,
)

BuiltInOption = Annotated[
    list[str] | None,
    typer.Option(
        "--with", metavar="NAME", help="`baseline`, `expert` or `travel`, hand-written; may be repeated."
    ),
]
InterpreterModelOption = Annotated[str, typer.Option("--interpreter", help="The model that executes.")]
TasksOption = Annotated[
    int, typer.Option("--tasks", min=0, max=10_000, help="Drawn stratified; 0: all of the split.")
]
SamplesOption = Annotated[int, typer.Option("--samples", min=1, max=64, help="Of a task.")]
TemperatureOption = Annotated[
    float, typer.Option("--temperature", min=0, max=2, help="Of the interpreter's model; 0 is greedy.")
]
RepeatsOption = Annotated[
    int,
    typer.Option(
        "--repeats", min=1, max=64, help="Executions of a workflow on a task; more need a temperature."
    ),
]


def evaluate(
    ctx: typer.Context,
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME=]FILE...",
            help="Workflows, files or registered ones (`planner@3`); each is called as its file is, or NAME.",
        ),
    ] = None,
    built_in: BuiltInOption = None,
    suite: SuiteOption = SUITE,
    split: SplitOption = "validation",
    interpreter: InterpreterModelOption = MODEL,
    tasks: TasksOption = 0,
    samples: SamplesOption = 8,
    reward: RewardOption = None,
    seed: SeedOption = 0,
    temperature: TemperatureOption = 0.0,
    repeats: RepeatsOption = 1,
    budget: BudgetOption = None,
    out: OutOption = None,
    local: LocalOption = False,
    detach: DetachOption = False,
    trainer: TrainerOption = TRAINER,
    registry: RegistryOption = GENERATOR,
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
    from autoflow.cli.budget import read_budget
    from autoflow.cli.evaluation.request import EvaluationRequest, to_proto
    from autoflow.cli.evaluation.workflows import named_workflows
    from autoflow.cli.runs.carrying import carry_out, carry_out_locally
    from autoflow.cli.runtime import run
    from autoflow.suites import Split

    refuse_place_of_both(ctx, local=local, detach=detach)
    if out is not None:
        require_place(out)
    suite_name(suite)  # Refuses what is none.
    output = Output(json)
    wanted = to_proto(
        EvaluationRequest(
            suite=suite,
            split=Split(split),
            workflows=run(named_workflows(files or [], built_in or [], registry)),
            interpreter=interpreter,
            reward=reward,
            tasks=tasks,
            samples=samples,
            seed=seed,
            temperature=temperature,
            repeats=repeats,
            budget=read_budget(budget or []),
        )
    )
    if local:
        run(carry_out_locally(wanted, data_folder(data) / "evaluate", out, output))
    else:
        run(carry_out(wanted, trainer, out, output, detach=detach))
