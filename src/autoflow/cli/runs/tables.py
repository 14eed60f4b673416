"""Runs as tables that fit 80 columns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC

from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autoflow.cli.console import one_line
from autoflow.cli.figures import clock, sparkline
from autoflow.cli.results.convert import summary_from_run
from autoflow.cli.results.tables import summary_tables
from autoflow.cli.results.winner import winner_steps
from autoflow.cli.runs.states import FINAL, STYLES, method_word, phase_of, state_word
from autoflow.v1 import run_pb2

_CURVE = 40
"""Characters of a run's curve."""


def runs_table(runs: Sequence[run_pb2.Run]) -> RenderableType:
    """A line for each run."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("run", "state", "method", "suite", "created"):
        table.add_column(name, no_wrap=True)
    for run in runs:
        table.add_row(
            Text(one_line(run.name)),
            _state(run),
            Text(method_word(run)),
            Text(one_line(run.optimization.suite)),
            Text(_time(run.create_time)),
        )
    return table


def run_view(run: run_pb2.Run, width: int) -> RenderableType:
    """Everything about one run.

    Args:
        run: the run, with its iterations.
        width: columns of the terminal.
    """
    table = Table.grid(padding=(0, 2))
    for name, value in _facts(run):
        table.add_row(Text(name, "dim"), value)
    parts: list[RenderableType] = [table]
    if run.HasField("optimization_result"):
        summary = summary_from_run(run)
        parts += [Text(), winner_steps(summary.winner), Text(), summary_tables(summary, width)]
    return Group(*parts)


def _facts(run: run_pb2.Run) -> list[tuple[str, Text]]:
    wanted = run.optimization
    facts = [
        ("run", Text(one_line(run.name), "bold")),
        ("state", _state(run)),
        ("method", Text(f"{method_word(run)}, seed {wanted.seed}")),
        ("suite", Text(one_line(wanted.suite))),
        ("generator", Text(one_line(wanted.generator.model))),
        ("interpreter", Text(one_line(wanted.interpreter.model))),
        ("created", Text(_time(run.create_time))),
    ]
    if run.HasField("start_time"):
        facts.append(("time", Text(_duration(run))))
    if run.state == run_pb2.RUN_STATE_RUNNING:
        count = f" {run.progress.done}/{run.progress.total}" if run.progress.total else ""
        facts.append(("phase", Text(phase_of(run) + count)))
    if run.iterations:
        means = [iteration.reward_mean for iteration in run.iterations]
        curve = f"{sparkline(means, _CURVE)}  {means[0]:.2f} to {means[-1]:.2f} in {len(means)} iterations"
        facts.append(("reward", Text(curve)))
    spent = run.ledger
    tokens = spent.usage.prompt_tokens + spent.usage.completion_tokens
    cost = f"{spent.executions:,} executions, {spent.usage.llm_calls:,} model calls, {tokens:,} tokens"
    facts.append(("spent", Text(cost)))
    if run.HasField("error"):
        facts.append(("error", Text(one_line(run.error.message), "red")))
    return facts


def _state(run: run_pb2.Run) -> Text:
    word = state_word(run)
    return Text(word, STYLES.get(word, ""))


def _time(stamp: Timestamp) -> str:
    """In the time zone of whoever reads it."""
    return stamp.ToDatetime().replace(tzinfo=UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _duration(run: run_pb2.Run) -> str:
    if run.state in FINAL:
        return clock(run.end_time.ToDatetime().timestamp() - run.start_time.ToDatetime().timestamp())
    return f"since {_time(run.start_time)}"
