"""The command line: its commands, and what happens to their errors."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from autoflow import __version__
from autoflow.cli.commands import (
    backup,
    compare,
    config,
    demo,
    evaluate,
    execute,
    executions,
    fmt,
    lint,
    matrix,
    metrics,
    models,
    optimize,
    runs,
    score,
    show,
    suites,
    tools,
    up,
    workflows,
)
from autoflow.cli.console import Output, escape_unencodable, one_line
from autoflow.cli.exits import EXIT_HELP, ExitCode, failure
from autoflow.cli.settings import CommandSettings
from autoflow.settings import from_env


class _Commands(TyperGroup):
    """Turns what a command raises into one line and an exit status."""

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]  # typer's own context class is private
        """Runs the command that was named."""
        escape_unencodable()
        settings = CommandSettings()
        try:
            settings = from_env(CommandSettings, os.environ)
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort, typer.TyperException, BrokenPipeError):
            raise
        except Exception as error:
            failed = failure(error)
            if failed is not None:
                Output().note(f"autoflow: {one_line(failed.message)}")
                raise typer.Exit(failed.code) from None
            if settings.debug:
                raise
            what = one_line(f"{type(error).__name__}: {error}")
            Output().note(f"autoflow: a fault of its own, {what} (AUTOFLOW_DEBUG=1 shows where)")
            raise typer.Exit(ExitCode.FAULT) from None


app = typer.Typer(
    name="autoflow",
    cls=_Commands,
    help="Generate, execute, score and improve natural-language workflows for LLM agents.",
    epilog=EXIT_HELP,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            metavar="",
            help="Print the version and exit.",
            is_eager=True,
            callback=_print_version,
        ),
    ] = False,
) -> None:
    pass


app.command("demo")(demo.demo)
app.command("up")(up.up)
app.command("lint")(lint.lint)
app.command("fmt")(fmt.fmt)
app.command("show")(show.show)
app.command("execute")(execute.execute)
app.command("evaluate")(evaluate.evaluate)
app.command("compare")(compare.compare)
app.command("optimize")(optimize.optimize)
app.command("matrix")(matrix.matrix)
app.command("score")(score.score)
app.add_typer(executions.app, name="executions")
app.add_typer(runs.app, name="runs")
app.add_typer(workflows.app, name="workflows")
app.add_typer(suites.app, name="suites")
app.add_typer(config.app, name="config")
app.add_typer(models.app, name="models")
app.add_typer(metrics.app, name="metrics")
app.add_typer(tools.app, name="tools")
app.add_typer(backup.app, name="backup")
