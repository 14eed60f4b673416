"""`autoflow demo`: the whole idea on this machine, in some minutes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from autoflow.cli.console import Output
from autoflow.cli.options import DEFAULT_METHOD, JsonOption, MethodOption, SeedOption
from autoflow.methods import Reward


def demo(
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", file_okay=False, help="Folder for everything it leaves.")
    ] = Path("autoflow-demo"),
    seed: SeedOption = 0,
    method: MethodOption = DEFAULT_METHOD,
    reward: Annotated[
        Literal["plan", "executed"],
        typer.Option("--reward", help="What is learned from: how plans look, or what they make."),
    ] = "executed",
    iterations: Annotated[
        int, typer.Option("--iterations", min=0, max=10_000, help="0: the method's own number.")
    ] = 0,
    candidates: Annotated[
        int, typer.Option("--candidates", min=0, max=256, help="An iteration; 0: the method's own number.")
    ] = 0,
    timeout: Annotated[
        float, typer.Option("--timeout", min=1, help="Limit on the run's time, in seconds.")
    ] = 3600.0,
    json: JsonOption = False,
) -> None:
    """Run the whole loop on this machine, once.

    Starts every service in this process and runs one optimisation of the built-in suite with the embedded
    model: workflows are written and executed, the plans that they answer are executed on pictures and texts,
    the outputs are scored, and the rewards teach the writer. Then measures on sealed test tasks: a manual
    baseline, an expert's workflow, a control without learning, the winner, and the policy before and after.
    Needs no GPU, no key and no network.

    Saves summary.json, winner.flow, winner.mmd, reward.png, run.json and the logs.

    Exit status: 0 if the run succeeded; 1 if not; 2 if another command works in the folder; 3 if the services
    do not start.
    """
    from autoflow.cli.demo.command import demo_request, run_demo

    run_demo(out, demo_request(method, seed, iterations, candidates, Reward(reward)), timeout, Output(json))
