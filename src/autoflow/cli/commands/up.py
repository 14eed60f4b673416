"""`autoflow up`: all services in one process."""

from __future__ import annotations

from typing import Annotated

import typer

from autoflow.cli.console import Output
from autoflow.cli.options import DataOption, JsonOption, data_folder

FIRST_PORT = 50051


def up(
    data: DataOption = None,
    port: Annotated[
        int,
        typer.Option(
            "--port",
            min=0,
            max=65531,
            help="Port of the generator; interpreter, scorer, trainer and experts follow. 0: free ones.",
        ),
    ] = FIRST_PORT,
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose", "-v", metavar="", help="Log to standard error instead of a file of the folder."
        ),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Run all services in one process until it is interrupted.

    Generator, interpreter, scorer, trainer and experts, each on its own port; SIGINT or SIGTERM drains them.
    Prints the addresses once all are up; with --json, as one line. Listens on 127.0.0.1 alone, without
    encryption or identities.

    Exit status: 0 after a drain; 2 if another command works in the folder; 3 if a port is taken or a service
    does not start.
    """
    from autoflow.cli.serving import serve

    serve(data_folder(data), port, Output(json), verbose=verbose)
