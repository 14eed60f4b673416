"""`autoflow matrix`: every generator with every interpreter."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from autoflow.cli.console import Output
from autoflow.cli.names import suite_name
from autoflow.cli.options import (
    MODEL,
    SUITE,
    TRAINER,
    BudgetOption,
    DataOption,
    DetachOption,
    JsonOption,
    LocalOption,
    OutOption,
    RewardOption,
    SeedOption,
    SuiteOption,
    TrainerOption,
    data_folder,
    refuse_place_of_both,
    require_place,
)

_MODELS = "comma-separated, `MODEL@sha256:…` with an adapter."


def matrix(
    ctx: typer.Context,
    generators: Annotated[
        list[str] | None,
        typer.Option("--generators", metavar="M1,M2", help=f"The models that write; {_MODELS}"),
    ] = None,
    interpreters: Annotated[
        list[str] | None,
        typer.Option("--interpreters", metavar="M1,M2", help=f"The models that execute; {_MODELS}"),
    ] = None,
    suite: SuiteOption = SUITE,
    method: Annotated[
        Literal["random", "history", "reflective"],
        typer.Option("--method", help="How each pairing searches."),
    ] = "random",
    split: Annotated[
        Literal["validation", "test"],
        typer.Option(
            "--split", help="On which the winners are compared; openings of the test split are counted."
        ),
    ] = "test",
    reward: RewardOption = None,
    seed: SeedOption = 0,
    iterations: Annotated[
        int,
        typer.Option("--iterations", min=0, max=1000, help="Of each pairing; 0: the method's own number."),
    ] = 0,
    candidates: Annotated[
        int, typer.Option("--candidates", min=0, max=256, help="An iteration; 0: the method's own number.")
    ] = 0,
    tasks: Annotated[
        int,
        typer.Option("--tasks", min=0, max=1000, help="Training tasks an iteration; 0: the method's own."),
    ] = 0,
    budget: BudgetOption = None,
    out: OutOption = None,
    local: LocalOption = False,
    detach: DetachOption = False,
    trainer: TrainerOption = TRAINER,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Search with every pairing of models that write and models that execute.

    Each pairing searches by itself, on the same tasks and with the same seed, and chooses its winner on
    validation tasks; then all winners are measured on the same split. Prints a table, a row for each model
    that writes and a column for each that executes.

    Interrupting this leaves a trainer's run as it is. With --local it goes on when the same command is given
    again; the state is in the folder `matrix` of --data.

    Exit status: 0 if the run succeeded; 1 if not; 2 if something named is wrong or not there; 3 if no trainer
    can be reached.
    """
    from autoflow.cli.budget import read_budget
    from autoflow.cli.matrix.request import MatrixRequest, to_proto
    from autoflow.cli.model_names import model_refs
    from autoflow.cli.runs.carrying import carry_out, carry_out_locally
    from autoflow.cli.runtime import run
    from autoflow.methods import Method
    from autoflow.suites import Split

    refuse_place_of_both(ctx, local=local, detach=detach)
    if out is not None:
        require_place(out)
    suite_name(suite)  # Refuses what is none.
    wanted = to_proto(
        MatrixRequest(
            suite=suite,
            generators=model_refs("--generators", generators or [MODEL]),
            interpreters=model_refs("--interpreters", interpreters or [MODEL]),
            method=Method(method),
            split=Split(split),
            reward=reward,
            seed=seed,
            iterations=iterations,
            candidates=candidates,
            tasks=tasks,
            budget=read_budget(budget or []),
        )
    )
    if local:
        run(carry_out_locally(wanted, data_folder(data) / "matrix", out, Output(json)))
    else:
        run(carry_out(wanted, trainer, out, Output(json), detach=detach))
