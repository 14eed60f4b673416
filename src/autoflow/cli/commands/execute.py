"""`autoflow execute`: one workflow on one task."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from autoflow.cli.console import Output
from autoflow.cli.exits import CommandFailed, ExitCode
from autoflow.cli.options import MODEL, SUITE, JsonOption, SeedOption

if TYPE_CHECKING:
    from autoflow.cli.execution.contents import PlanFiles


def execute(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="The workflow; `-` is standard input, `planner@production` a registered one."
        ),
    ],
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
    memory: Annotated[
        Literal["append", "traverse", "direct", "embedding"],
        typer.Option("--memory", help="What a step sees of the earlier ones: all, or what is relevant."),
    ] = "append",
    memory_tokens: Annotated[
        int,
        typer.Option(
            "--memory-tokens", min=0, max=1_000_000, help="Earlier answers in a prompt; 0: as configured."
        ),
    ] = 0,
    protocol: Annotated[
        Literal["stepwise", "fused"] | None,
        typer.Option(
            "--protocol", help="Many small questions a step, or one. [default: fused where the model can]"
        ),
    ] = None,
    tools: Annotated[
        list[str] | None,
        typer.Option(
            "--tool",
            metavar="NAME",
            help="A tool that steps may call; again for a further one; `*` is all. [default: none]",
        ),
    ] = None,
    max_steps: Annotated[int, typer.Option("--max-steps", min=1, max=1000, help="Limit on steps.")] = 32,
    max_calls: Annotated[
        int, typer.Option("--max-calls", min=0, max=100_000, help="Limit on calls of the model; 0: 1,000.")
    ] = 0,
    max_usd: Annotated[
        float,
        typer.Option(
            "--max-usd",
            min=0.0,
            max=10_000.0,
            help="Limit on cost in dollars, by the catalogue's prices; 0: none.",
        ),
    ] = 0.0,
    timeout: Annotated[
        float, typer.Option("--timeout", min=0.1, max=3600, help="Limit on time, in seconds.")
    ] = 120.0,
    ask_timeout: Annotated[
        float,
        typer.Option(
            "--ask-timeout",
            min=1.0,
            max=2_592_000.0,
            help="For how long each question waits for a person, in seconds; at most 30 days.",
        ),
    ] = 86_400.0,
    on_disconnect: Annotated[
        Literal["cancel", "continue"],
        typer.Option("--on-disconnect", help="What becomes of the execution if this command is stopped."),
    ] = "cancel",
    request_id: Annotated[
        str,
        typer.Option(
            "--request-id", metavar="ID", help="Attaches to the execution that the same request has begun."
        ),
    ] = "",
    inputs: Annotated[
        list[Path] | None,
        typer.Option(
            "--input",
            "-i",
            metavar="FILE",
            help="Execute the answer as a plan, on this picture or text; again for a further input.",
        ),
    ] = None,
    wanted: Annotated[
        Literal["image", "text"] | None, typer.Option("--output", "-o", help="What the plan is to end in.")
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option("--save", metavar="DIR", file_okay=False, help="Save the plan's output in this folder."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Execute a workflow on a task, step by step.

    Shows each step as it happens. The answer alone goes to standard output; with --json, every event as a
    line. With --input the answer is a plan, which is executed: then its output, or with --save the path of
    it, goes to standard output.

    A step whose instruction begins with `[ask]` is a question for a person: on a terminal it is answered
    there, elsewhere by `autoflow executions answer`.

    Exit status: 0 with an answer, and an output where one is wanted; 1 without, if somebody cancels the
    execution, or if the workflow has lint errors; 2 if the model is unknown or an input cannot be read; 3 if
    no interpreter, or no provider of tools, can be reached.
    """
    from autoflow.cli.execution.command import execute_file
    from autoflow.cli.execution.request import Options
    from autoflow.cli.runtime import run

    options = Options(
        model=model,
        suite=None if no_tools else suite,
        temperature=temperature,
        seed=seed,
        max_steps=max_steps,
        seconds=timeout,
        memory=memory,
        plan=_plan(inputs or [], wanted, save, json=json),
        protocol=protocol,
        step_tools=tuple(tools or ()),
        max_calls=max_calls,
        max_usd=max_usd,
        memory_tokens=memory_tokens,
        ask_seconds=ask_timeout,
        on_disconnect=on_disconnect,
        request_id=request_id,
    )
    if not run(execute_file(file, query, options, interpreter, Output(json))):
        raise typer.Exit(ExitCode.NOT_OK)


def _plan(
    inputs: list[Path], wanted: Literal["image", "text"] | None, save: Path | None, *, json: bool
) -> PlanFiles | None:
    from autoflow.cli.execution.contents import PlanFiles
    from autoflow.suites import ContentType

    if not inputs:
        if wanted is not None or save is not None:
            raise CommandFailed("--output and --save are for a plan on an --input", ExitCode.USAGE)
        return None
    if wanted is None:
        raise CommandFailed("say by --output what is wanted of the input: image or text", ExitCode.USAGE)
    if wanted == "image" and save is None and not json:
        raise CommandFailed("say by --save where the picture is to go", ExitCode.USAGE)
    return PlanFiles(inputs, ContentType(wanted), save)
