"""Runs as tables that fit 80 columns."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autoflow.cli.console import one_line
from autoflow.cli.evaluation.table import evaluation_view
from autoflow.cli.figures import clock, count, sparkline
from autoflow.cli.results.convert import summary_from_run
from autoflow.cli.results.tables import summary_tables
from autoflow.cli.results.winner import winner_steps
from autoflow.cli.runs.states import (
    FINAL,
    STYLES,
    method_word,
    phase_of,
    short_suite_id,
    state_word,
    suite_id,
    suite_of,
)
from autoflow.cli.wire import enum_word, local_time
from autoflow.v1 import run_pb2, task_pb2

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
            Text(one_line(short_suite_id(suite_of(run)))),
            Text(local_time(run.create_time)),
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
    if run.HasField("evaluation_result"):
        parts += [Text(), evaluation_view(run)]
    return Group(*parts)


def _facts(run: run_pb2.Run) -> list[tuple[str, Text]]:
    wanted = run.evaluation if run.HasField("evaluation") else run.optimization
    facts = [
        ("run", Text(one_line(run.name), "bold")),
        ("state", _state(run)),
        ("method", Text(f"{method_word(run)}, seed {wanted.seed}")),
        ("suite", Text(one_line(suite_id(wanted.suite)))),
        *_asked(wanted),
        ("interpreter", Text(one_line(wanted.interpreter.model))),
        ("created", Text(local_time(run.create_time))),
    ]
    if run.HasField("start_time"):
        facts.append(("time", Text(_duration(run))))
    # A run that waits has one, too, where it has lost a worker: it says why.
    waits = run.state == run_pb2.RUN_STATE_PENDING and run.progress.phase
    if waits or run.state == run_pb2.RUN_STATE_RUNNING:
        done = f" {run.progress.done}/{run.progress.total}" if run.progress.total else ""
        facts.append(("phase", Text(phase_of(run) + done)))
    if run.iterations:
        facts.append(("reward", Text(_rewards(run))))
    spent = run.ledger
    tokens = spent.usage.prompt_tokens + spent.usage.completion_tokens
    cost = ((spent.executions, "execution"), (spent.usage.llm_calls, "model call"), (tokens, "token"))
    facts.append(("spent", Text(", ".join(count(*part) for part in cost))))
    if run.HasField("error"):
        facts.append(("error", Text(one_line(run.error.message), "red")))
    return facts


def _rewards(run: run_pb2.Run) -> str:
    """The mean rewards so far: those of an evaluation have no trend."""
    means = [iteration.reward_mean for iteration in run.iterations]
    curve = sparkline(means, _CURVE)
    if run.HasField("evaluation"):
        return f"{curve}  mean {sum(means) / len(means):.2f} of {count(len(means), 'batch')}"
    return f"{curve}  {means[0]:.2f} to {means[-1]:.2f} in {count(len(means), 'iteration')}"


def _asked(wanted: run_pb2.Evaluation | run_pb2.Optimization) -> list[tuple[str, Text]]:
    """What only runs of one kind are asked for."""
    if isinstance(wanted, run_pb2.Optimization):
        return [("generator", Text(one_line(wanted.generator.model)))]
    split = enum_word(task_pb2.Split.DESCRIPTOR, "SPLIT_", wanted.split)
    names = ", ".join(one_line(workflow.name) for workflow in wanted.workflows)
    return [("split", Text(split)), ("workflows", Text(names))]


def _state(run: run_pb2.Run) -> Text:
    word = state_word(run)
    return Text(word, STYLES.get(word, ""))


def _duration(run: run_pb2.Run) -> str:
    if run.state in FINAL:
        return clock(run.end_time.ToDatetime().timestamp() - run.start_time.ToDatetime().timestamp())
    return f"since {local_time(run.start_time)}"
