"""`autoflow executions`: what an interpreter executes and has executed."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from autoflow.cli.console import Output
from autoflow.cli.exits import ExitCode
from autoflow.cli.options import INTERPRETER, ExecutionArgument, InterpreterOption, JsonOption

app = typer.Typer(
    help="List, show, follow, answer and cancel executions.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

FullOption = Annotated[
    bool, typer.Option("--full", metavar="", help="Show long texts in full, and the replies of the model.")
]


@app.command("list")
def list_(
    state: Annotated[
        Literal["running", "waiting", "finished", "cancelled", "failed"] | None,
        typer.Option("--state", help="Only those in this state."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="Executions at most.")] = 20,
    interpreter: InterpreterOption = INTERPRETER,
    json: JsonOption = False,
) -> None:
    """List executions, the newest first."""
    from autoflow.cli.executions.commands import list_executions
    from autoflow.cli.runtime import run

    run(list_executions(interpreter, state, limit, Output(json)))


@app.command("show")
def show(
    execution: ExecutionArgument,
    full: FullOption = False,
    interpreter: InterpreterOption = INTERPRETER,
    json: JsonOption = False,
) -> None:
    """Show an execution and what has happened in it.

    Where it stands, then each step in the order in which it was executed: what it saw of the earlier ones,
    the calls of the model and of tools, and where it led. Seconds are those since the event before.

    Exit status: 0 whatever the execution's state; `tail` judges it.
    """
    from autoflow.cli.executions.commands import show_execution
    from autoflow.cli.runtime import run

    run(show_execution(interpreter, execution, full=full, output=Output(json)))


@app.command("tail")
def tail(
    execution: ExecutionArgument,
    full: FullOption = False,
    interpreter: InterpreterOption = INTERPRETER,
    json: JsonOption = False,
) -> None:
    """Follow an execution from its beginning to its end.

    With --json, every event is a line. Interrupting this leaves the execution as it is.

    Exit status: 0 with an answer; 1 without, or if the execution failed or was cancelled.
    """
    from autoflow.cli.executions.commands import tail_execution
    from autoflow.cli.runtime import run

    if not run(tail_execution(interpreter, execution, full=full, output=Output(json))):
        raise typer.Exit(ExitCode.NOT_OK)


@app.command("answer")
def answer(
    execution: ExecutionArgument,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The answer.")],
    interpreter: InterpreterOption = INTERPRETER,
    json: JsonOption = False,
) -> None:
    """Answer the question that an execution waits with.

    Exit status: 0 if it goes on; 2 if it waits with no question, or the answer is refused.
    """
    from autoflow.cli.executions.commands import answer_execution
    from autoflow.cli.runtime import run

    run(answer_execution(interpreter, execution, text, Output(json)))


@app.command("cancel")
def cancel(
    execution: ExecutionArgument, interpreter: InterpreterOption = INTERPRETER, json: JsonOption = False
) -> None:
    """Cancel an execution.

    Exit status: 0 if it is cancelled, or will be in a moment; 1 if it had ended before.
    """
    from autoflow.cli.executions.commands import cancel_execution
    from autoflow.cli.runtime import run

    if not run(cancel_execution(interpreter, execution, Output(json))):
        raise typer.Exit(ExitCode.NOT_OK)
