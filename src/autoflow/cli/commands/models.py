"""`autoflow models`: the catalogue, and whether its endpoints can what it states."""

from __future__ import annotations

from typing import Annotated

import typer

from autoflow.cli.console import Output
from autoflow.cli.exits import ExitCode
from autoflow.cli.options import JsonOption

app = typer.Typer(
    help="List the models of a catalogue, and check what they can.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@app.command("list")
def list_(
    generator: Annotated[
        str | None,
        typer.Option("--generator", metavar="HOST:PORT", help="Ask a generator for its catalogue."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """List the models that requests may name.

    Without --generator, the catalogue of this environment: `embedded`, and what stands in the file that
    AUTOFLOW_MODELS names.

    Exit status: 0 whether the models can be called or not; 2 if the file cannot be read; 3 if no generator
    can be reached.
    """
    from autoflow.cli.models.listing import list_models
    from autoflow.cli.runtime import run

    run(list_models(generator, Output(json)))


@app.command("check")
def check(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME", help="Models; else all that can be called."),
    ] = None,
    max_tokens: Annotated[
        int, typer.Option("--max-tokens", min=16, max=32768, help="Of one answer; reasoning may need more.")
    ] = 256,
    timeout: Annotated[
        float, typer.Option("--timeout", min=0.1, max=3600, help="Limit on time of one probe, in seconds.")
    ] = 60.0,
    json: JsonOption = False,
) -> None:
    """Ask models for all that the catalogue states, and look whether they do it.

    Calls each model about a dozen times, at its provider's prices. Some servers accept what they do not know
    and ignore it; this tells. With --json, a line for each model.

    Exit status: 0 if all that is stated holds; 1 if not; 2 if a model is unknown or the file cannot be read.
    """
    from autoflow.cli.models.checking import check_models
    from autoflow.cli.runtime import log_to, run

    # What an endpoint refuses is a finding, and needs no warning beside it.
    log_to(None, "ERROR")
    if not run(check_models(tuple(names or ()), max_tokens, timeout, Output(json))):
        raise typer.Exit(ExitCode.NOT_OK)
