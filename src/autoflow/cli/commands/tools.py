"""`autoflow tools`: the tools that steps and plans may use, and a call of one by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autoflow.cli.console import Output
from autoflow.cli.exits import ExitCode
from autoflow.cli.options import JsonOption

app = typer.Typer(
    help="List the tools of a file's sources, and call one.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

FileOption = Annotated[
    Path | None,
    typer.Option(
        "--file",
        metavar="FILE",
        envvar="AUTOFLOW_TOOLS_FILE",
        dir_okay=False,
        help="The file that names the sources.",
    ),
]


@app.command("list")
def list_(
    file: FileOption = None,
    interpreter: Annotated[
        str | None,
        typer.Option("--interpreter", metavar="HOST:PORT", help="Ask an interpreter for its tools instead."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """List the tools of all sources, in the order of their precedence.

    Without --interpreter, the sources of the file are asked from this process: MCP servers that are programs
    are started for it, and ended with it.

    Exit status: 0 whether the sources can be reached or not; 2 if there is no file, or it is wrong; 3 if no
    interpreter can be reached.
    """
    from autoflow.cli.runtime import log_to, run
    from autoflow.cli.tools.listing import list_tools

    # A source that cannot be reached is told, and needs no warning beside it.
    log_to(None, "ERROR")
    run(list_tools(file, interpreter, Output(json)))


@app.command("call")
def call(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The tool.")],
    arguments: Annotated[
        str, typer.Option("--arguments", metavar="JSON", help="A JSON object by the tool's schema.")
    ] = "{}",
    file: FileOption = None,
    timeout: Annotated[
        float, typer.Option("--timeout", min=0.1, max=3600, help="Limit on time, in seconds.")
    ] = 60.0,
    json: JsonOption = False,
) -> None:
    """Call a tool that takes arguments, as a step would: judged by its schema, bounded in time and size.

    Exit status: 0 if it made something; 1 if it was called and failed; 2 if there is no such tool, or the
    arguments are none for it; 3 if its source cannot be reached or took too long.
    """
    from autoflow.cli.runtime import log_to, run
    from autoflow.cli.tools.calling import call_tool

    log_to(None, "ERROR")
    code = run(call_tool(file, name, arguments, timeout, Output(json)))
    if code is not ExitCode.OK:
        raise typer.Exit(code)
