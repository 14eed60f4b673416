"""`autoflow compare`: which of some workflows is better, and whether that is more than chance."""

from __future__ import annotations

from typing import Annotated

import typer

from autoflow.cli.commands.evaluate import (
    BuiltInOption,
    InterpreterModelOption,
    RepeatsOption,
    SamplesOption,
    TasksOption,
    TemperatureOption,
)
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


def compare(
    ctx: typer.Context,
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME=]FILE...",
            help="Workflows, files or registered ones (`planner@3`), the first one the one to beat; each is "
            "called as its file is, or NAME.",
        ),
    ] = None,
    workflows: Annotated[
        list[str] | None,
        typer.Option("--workflows", metavar="[NAME=]FILE...", help="The same, before those without a name."),
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
    """Compare workflows on the same tasks.

    An evaluation of two workflows or more: prints, besides its table, each one's difference to the first,
    paired by task, with its 95% interval, how many tasks it won and lost, what an execution costs, and the
    tasks that differ most. Before anything is spent it says how small a difference these tasks can tell from
    chance.

    Interrupting this leaves a trainer's run as it is. With --local it goes on when the same command is given
    again; the state is in the folder `evaluate` of --data.

    Exit status: 0 if the comparison was made, whatever it says; 1 if not; 2 if a workflow has lint errors, or
    something named is not there; 3 if no trainer can be reached.
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
    given = [*(workflows or []), *(files or [])]
    texts = run(named_workflows(given, built_in or [], registry, least=2))
    wanted = to_proto(
        EvaluationRequest(
            suite=suite,
            split=Split(split),
            workflows=texts,
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
        run(carry_out_locally(wanted, data_folder(data) / "evaluate", out, Output(json)))
    else:
        run(carry_out(wanted, trainer, out, Output(json), detach=detach))
