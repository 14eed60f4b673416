"""Runs as tables that fit 80 columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autoflow.cli.console import one_line
from autoflow.cli.figures import clock, count, sparkline
from autoflow.cli.model_names import model_word
from autoflow.cli.runs.power import power_line
from autoflow.cli.runs.results import result_view
from autoflow.cli.runs.states import (
    FINAL,
    STYLES,
    method_word,
    phase_of,
    short_suite_id,
    spent_words,
    state_word,
    suite_id,
    suite_of,
    wanted_of,
)
from autoflow.cli.wire import enum_word, local_time
from autoflow.v1 import model_pb2, run_pb2, task_pb2

_TO_THE_MINUTE = len("2026-11-24 00:02")
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
            Text("matrix" if run.HasField("matrix") else method_word(run)),
            Text(one_line(short_suite_id(suite_of(run)))),
            # Eighty columns have no room for seconds beside the longest of each; a name that is cut is none.
            Text(local_time(run.create_time)[:_TO_THE_MINUTE]),
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
    if run.WhichOneof("outcome") is None:
        return table
    return Group(table, Text(), result_view(run, width))


def _facts(run: run_pb2.Run) -> list[tuple[str, Text]]:
    wanted = wanted_of(run)
    facts = [
        ("run", Text(one_line(run.name), "bold")),
        ("state", _state(run)),
        ("method", Text(f"{method_word(run)}, seed {wanted.seed}")),
        ("suite", Text(one_line(suite_id(wanted.suite)))),
        *_asked(wanted),
        ("created", Text(local_time(run.create_time))),
    ]
    if run.HasField("power") and run.state not in FINAL:
        facts.append(("power", Text(power_line(run))))
    if run.HasField("start_time"):
        facts.append(("time", Text(_duration(run))))
    # A run that waits has one, too, where it has lost a worker: it says why.
    waits = run.state == run_pb2.RUN_STATE_PENDING and run.progress.phase
    if waits or run.state == run_pb2.RUN_STATE_RUNNING:
        done = f" {run.progress.done}/{run.progress.total}" if run.progress.total else ""
        facts.append(("phase", Text(phase_of(run) + done)))
    if run.iterations:
        facts.append(("reward", Text(_rewards(run))))
    facts.append(("spent", Text(spent_words(run.ledger))))
    if run.HasField("budget"):
        facts.append(("of at most", _budget(run.budget)))
    if run.HasField("error"):
        facts.append(("error", Text(one_line(run.error.message), "red")))
    return facts


def _budget(budget: run_pb2.Budget) -> Text:
    limits = (
        (budget.max_executions, count(budget.max_executions, "execution")),
        (budget.max_llm_calls, count(budget.max_llm_calls, "model call")),
        (budget.max_tokens, count(budget.max_tokens, "token")),
        (budget.max_cost_usd, f"{budget.max_cost_usd:.2f} USD"),
    )
    told = [words for limit, words in limits if limit]
    if budget.HasField("max_wall_time"):
        told.append(f"{clock(budget.max_wall_time.ToTimedelta().total_seconds())} of wall time")
    return Text(", ".join(told) or "no limit")


def _rewards(run: run_pb2.Run) -> str:
    """The mean rewards so far: batches, and pairings that take turns, have no trend."""
    means = [iteration.reward_mean for iteration in run.iterations]
    curve = sparkline(means, _CURVE)
    if not run.HasField("optimization") or len(means) == 1:
        part = "batch" if run.HasField("evaluation") else "iteration"
        return f"{curve}  mean {sum(means) / len(means):.2f} of {count(len(means), part)}"
    return f"{curve}  {means[0]:.2f} to {means[-1]:.2f} in {count(len(means), 'iteration')}"


def _asked(
    wanted: run_pb2.Evaluation | run_pb2.Optimization | run_pb2.Matrix,
) -> list[tuple[str, Text]]:
    """What runs of one kind are asked for."""
    if isinstance(wanted, run_pb2.Matrix):
        return [("generators", _models(wanted.generators)), ("interpreters", _models(wanted.interpreters))]
    interpreter = ("interpreter", _models([wanted.interpreter]))
    if isinstance(wanted, run_pb2.Optimization):
        given = ", ".join(one_line(workflow.name) for workflow in wanted.test.comparators)
        return [
            ("generator", _models([wanted.generator])),
            interpreter,
            *([("compared to", Text(given))] if given else []),
            *([("register as", Text(one_line(wanted.register_as)))] if wanted.register_as else []),
        ]
    split = enum_word(task_pb2.Split.DESCRIPTOR, "SPLIT_", wanted.split)
    names = ", ".join(one_line(workflow.name) for workflow in wanted.workflows)
    return [("split", Text(split)), ("workflows", Text(names)), interpreter]


def _models(models: Iterable[model_pb2.ModelRef]) -> Text:
    return Text(", ".join(one_line(model_word(model)) for model in models))


def _state(run: run_pb2.Run) -> Text:
    word = state_word(run)
    return Text(word, STYLES.get(word, ""))


def _duration(run: run_pb2.Run) -> str:
    if run.state in FINAL:
        return clock(run.end_time.ToDatetime().timestamp() - run.start_time.ToDatetime().timestamp())
    return f"since {local_time(run.start_time)}"
