"""States and methods of runs in words."""

from __future__ import annotations

from autoflow.cli.console import one_line
from autoflow.cli.wire import enum_word
from autoflow.v1 import run_pb2

FINAL = frozenset({run_pb2.RUN_STATE_SUCCEEDED, run_pb2.RUN_STATE_FAILED, run_pb2.RUN_STATE_CANCELLED})
"""The states in which nothing changes any more."""

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


def method_word(run: run_pb2.Run) -> str:
    """Such as `rloo`."""
    return enum_word(run_pb2.Method.DESCRIPTOR, "METHOD_", run.optimization.method)


def run_name(argument: str) -> str:
    """The name of a run that was given as `runs/<id>` or as the id alone."""
    return argument if argument.startswith("runs/") else f"runs/{argument}"


def phase_of(run: run_pb2.Run) -> str:
    """What is being done for a run, in words."""
    if run.state == run_pb2.RUN_STATE_PENDING:
        return "waiting for a worker"
    if run.state == run_pb2.RUN_STATE_RUNNING:
        return one_line(run.progress.phase) or "starting"
    return state_word(run)
