"""`autoflow optimize`: search for a workflow."""

from __future__ import annotations

from typing import Annotated

import typer

from autoflow.cli.console import Output
from autoflow.cli.names import suite_name
from autoflow.cli.options import (
    DEFAULT_METHOD,
    GENERATOR,
    MODEL,
    SUITE,
    TRAINER,
    BudgetOption,
    DataOption,
    DetachOption,
    JsonOption,
    LocalOption,
    MethodOption,
    OutOption,
    RegistryOption,
    RewardOption,
    SeedOption,
    SuiteOption,
    TrainerOption,
    data_folder,
    refuse_place_of_both,
    require_place,
)


def optimize(
    ctx: typer.Context,
    method: MethodOption = DEFAULT_METHOD,
    generator: Annotated[
        str,
        typer.Option(
            "--generator", metavar="MODEL", help="The model that writes; `MODEL@sha256:…` with an adapter."
        ),
    ] = MODEL,
    interpreter: Annotated[
        str, typer.Option("--interpreter", metavar="MODEL", help="The model that executes.")
    ] = MODEL,
    suite: SuiteOption = SUITE,
    reward: RewardOption = None,
    seed: SeedOption = 0,
    iterations: Annotated[
        int, typer.Option("--iterations", min=0, max=10_000, help="0: the method's own number.")
    ] = 0,
    candidates: Annotated[
        int, typer.Option("--candidates", min=0, max=256, help="An iteration; 0: the method's own number.")
    ] = 0,
    tasks: Annotated[
        int,
        typer.Option("--tasks", min=0, max=1000, help="Training tasks an iteration; 0: the method's own."),
    ] = 0,
    against: Annotated[
        list[str] | None,
        typer.Option(
            "--compare",
            metavar="[NAME=]FILE",
            help="A workflow to measure beside the winner, a file or a registered one (`planner@3`); the "
            "first one is to be beaten; may be repeated.",
        ),
    ] = None,
    built_in: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            metavar="NAME",
            help="The same with `baseline`, `expert` or `travel`, hand-written; before those of --compare.",
        ),
    ] = None,
    register_as: Annotated[
        str,
        typer.Option(
            "--register-as", metavar="ID", help="Keep an accepted winner as a version of this workflow."
        ),
    ] = "",
    budget: BudgetOption = None,
    out: OutOption = None,
    local: LocalOption = False,
    detach: DetachOption = False,
    trainer: TrainerOption = TRAINER,
    registry: RegistryOption = GENERATOR,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Search for a workflow that does well on a suite.

    Draws candidates, executes and scores them on training tasks and improves on them as --method says;
    chooses on validation tasks, and measures the winner on the sealed test split. Before anything is spent it
    says how small a gain the validation tasks can tell from chance; the winner is accepted over the first
    workflow of --with and --compare where its gain is surely more than nothing.

    Interrupting this leaves a trainer's run as it is. With --local it goes on when the same command is given
    again; the state is in the folder `optimize` of --data, which `autoflow up --data` serves, the registry of
    --register-as too.

    Exit status: 0 if the run succeeded, its winner accepted or not; 1 if it did not; 2 if something named is
    wrong or not there; 3 if no trainer can be reached.
    """
    from autoflow.cli.budget import read_budget
    from autoflow.cli.evaluation.workflows import named_workflows
    from autoflow.cli.runs.carrying import carry_out, carry_out_locally
    from autoflow.cli.runs.request import RunRequest, to_proto
    from autoflow.cli.runtime import run

    refuse_place_of_both(ctx, local=local, detach=detach)
    if out is not None:
        require_place(out)
    suite_name(suite)  # Refuses what is none.
    wanted = to_proto(
        RunRequest(
            suite=suite,
            generator=generator,
            interpreter=interpreter,
            method=method,
            reward=reward,
            seed=seed,
            iterations=iterations,
            candidates=candidates,
            tasks=tasks,
            register_as=register_as,
            budget=read_budget(budget or []),
            comparators=run(named_workflows(against or [], built_in or [], registry, least=0)),
        )
    )
    if local:
        run(carry_out_locally(wanted, data_folder(data) / "optimize", out, Output(json)))
    else:
        run(carry_out(wanted, trainer, out, Output(json), detach=detach))
