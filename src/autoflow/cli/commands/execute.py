"""`autoflow execute`: one workflow on one task."""

from __future__ import annotations

from typing import Annotated

import typer

from autoflow.cli.console import Output
from autoflow.cli.exits import ExitCode
from autoflow.cli.options import MODEL, SUITE, JsonOption, SeedOption


def execute(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The workflow; `-` is standard input.")],
    query: Annotated[str, typer.Option("--query", "-q", help="The task, in natural language.")],
    model: Annotated[str, typer.Option("--model", help="The model that carries the steps out.")] = MODEL,
    suite: Annotated[str, typer.Option("--suite", help="The suite whose tools the answer may name.")] = SUITE,
    no_tools: Annotated[bool, typer.Option("--no-tools", metavar="", help="Name no tools.")] = False,
    interpreter: Annotated[
        str | None,
        typer.Option(
            "--interpreter",
            metavar="HOST:PORT",
            envvar="AUTOFLOW_INTERPRETER_ADDRESS",
            help="Address of an interpreter. Without it, one runs inside this command.",
        ),
    ] = None,
    temperature: Annotated[float, typer.Option("--temperature", min=0.0, max=2.0, help="0 is greedy.")] = 0.0,
    seed: SeedOption = 0,
    max_steps: Annotated[int, typer.Option("--max-steps", min=1, max=1000, help="Limit on steps.")] = 32,
    timeout: Annotated[
        float, typer.Option("--timeout", min=0.1, max=3600, help="Limit on time, in seconds.")
    ] = 120.0,
    json: JsonOption = False,
) -> None:
    """Execute a workflow on a task, step by step.

    Shows each step as it happens. The answer alone goes to standard output; with --json, every event as a
    line.

    Exit status: 0 with an answer; 1 without one, or if the workflow has lint errors; 2 if the model is
    unknown; 3 if no interpreter can be reached.
    """
    from autoflow.cli.execution.command import Options, execute_file
    from autoflow.cli.runtime import run

    options = Options(
        model=model,
        suite=None if no_tools else suite,
        temperature=temperature,
        seed=seed,
        max_steps=max_steps,
        seconds=timeout,
    )
    if not run(execute_file(file, query, options, interpreter, Output(json))):
        raise typer.Exit(ExitCode.NOT_OK)
