"""`autoflow metrics`: what a scorer can score."""

from __future__ import annotations

import typer

from autoflow.cli.console import Output
from autoflow.cli.options import JsonOption, ScorerOption

app = typer.Typer(
    help="List the metrics of a scorer; `autoflow score` scores by them.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


# Typer makes a lone command the whole group; a callback keeps the group.
@app.callback()
def _root() -> None:
    pass


@app.command("list")
def list_(scorer: ScorerOption = None, json: JsonOption = False) -> None:
    """List the metrics: the pairs that each compares, its range, its model, and why it is not available.

    A model is loaded when its metric is first asked for, or at the start where AUTOFLOW_SCORER_PRELOAD names
    it; until then nobody has seen whether it can be.

    For example: `autoflow metrics list --scorer 127.0.0.1:50053 --json`

    Exit status: 0 whether the metrics are available or not; 2 if the file of metrics cannot be read; 3 if no
    scorer can be reached.
    """
    from autoflow.cli.metrics.listing import list_metrics
    from autoflow.cli.runtime import run

    run(list_metrics(scorer, Output(json)))
