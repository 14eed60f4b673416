"""States, methods and suites of runs in words."""

from __future__ import annotations

from autoflow.cli.console import one_line
from autoflow.cli.figures import count
from autoflow.cli.wire import enum_word
from autoflow.v1 import run_pb2

FINAL = frozenset({run_pb2.RUN_STATE_SUCCEEDED, run_pb2.RUN_STATE_FAILED, run_pb2.RUN_STATE_CANCELLED})
"""The states in which nothing changes any more."""

_DIGITS, _SHOWN = 64, 12
"""Digits of the digest that names a created suite, and those that a table has room for."""

STYLES = {
    "pending": "yellow",
    "running": "cyan",
    "cancelling": "yellow",
    "succeeded": "green",
    "failed": "bold red",
    "cancelled": "magenta",
}
"""How a state is shown, by its word."""


def state_word(run: run_pb2.Run) -> str:
    """Such as `running`."""
    return enum_word(run_pb2.RunState.DESCRIPTOR, "RUN_STATE_", run.state)


def kind_of(run: run_pb2.Run) -> str:
    """`optimization`, `evaluation` or `matrix`."""
    return run.WhichOneof("kind") or "run"


def wanted_of(run: run_pb2.Run) -> run_pb2.Optimization | run_pb2.Evaluation | run_pb2.Matrix:
    """What was asked for."""
    if run.HasField("evaluation"):
        return run.evaluation
    return run.matrix if run.HasField("matrix") else run.optimization


def method_word(run: run_pb2.Run) -> str:
    """Such as `rloo`; `evaluation` where nothing is searched for, `matrix of rloo` where many search."""
    wanted = wanted_of(run)
    if isinstance(wanted, run_pb2.Evaluation):
        return "evaluation"
    method = enum_word(run_pb2.Method.DESCRIPTOR, "METHOD_", wanted.method)
    return f"matrix of {method}" if isinstance(wanted, run_pb2.Matrix) else method


def suite_of(run: run_pb2.Run) -> str:
    """The suite's name as it was asked for."""
    return wanted_of(run).suite


def suite_id(name: str) -> str:
    """The id of a suite that is given as `suites/<id>` or as the id alone."""
    return name.removeprefix("suites/")


def short_suite_id(name: str) -> str:
    """The same, cut where it is a digest, which would fill a line."""
    whole = suite_id(name)
    return whole if len(whole) < _DIGITS else f"{whole[:_SHOWN]}…"


def spent_words(spent: run_pb2.Ledger) -> str:
    """Such as `96 executions, 400 model calls, 20,000 tokens`, and dollars where models have prices."""
    tokens = spent.usage.prompt_tokens + spent.usage.completion_tokens
    parts = [
        count(spent.executions, "execution"),
        count(spent.usage.llm_calls, "model call"),
        count(tokens, "token"),
    ]
    if spent.usage.cost_usd:
        parts.append(f"{spent.usage.cost_usd:.4f} USD")
    return ", ".join(parts)


def phase_of(run: run_pb2.Run) -> str:
    """What is being done for a run, in words."""
    phase = one_line(run.progress.phase)
    if run.state == run_pb2.RUN_STATE_PENDING:
        return phase or "waiting for a worker"
    if run.state == run_pb2.RUN_STATE_RUNNING:
        return phase or "starting"
    return state_word(run)
