"""States, outcomes and times of executions in words."""

from __future__ import annotations

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp
from rich.text import Text

from autoflow.cli.figures import count
from autoflow.cli.wire import enum_word
from autoflow.v1 import interpreter_service_pb2 as pb

ENDED = frozenset({pb.EXECUTION_STATE_FINISHED, pb.EXECUTION_STATE_CANCELLED, pb.EXECUTION_STATE_FAILED})
"""The states in which nothing changes any more."""

_STYLES = {
    pb.EXECUTION_STATE_RUNNING: "cyan",
    pb.EXECUTION_STATE_WAITING: "yellow",
    pb.EXECUTION_STATE_FINISHED: "green",
    pb.EXECUTION_STATE_CANCELLED: "magenta",
    pb.EXECUTION_STATE_FAILED: "bold red",
}
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def state_text(execution: pb.Execution) -> Text:
    """Such as `running`."""
    word = enum_word(pb.ExecutionState.DESCRIPTOR, "EXECUTION_STATE_", execution.state)
    return Text(word, _STYLES.get(execution.state, ""))


def outcome_text(finished: pb.ExecutionFinished) -> Text:
    """Such as `step limit`."""
    word = enum_word(pb.ExecutionOutcome.DESCRIPTOR, "EXECUTION_OUTCOME_", finished.outcome)
    return Text(word, "bold green" if answered(finished) else "bold red")


def answered(finished: pb.ExecutionFinished) -> bool:
    """Whether there is an answer."""
    return finished.outcome == pb.EXECUTION_OUTCOME_ANSWERED


def age(since: Timestamp, now: datetime) -> str:
    """How long ago something was, such as `5 min`; no more exact than in one unit."""
    seconds = max(int((now - since.ToDatetime(tzinfo=UTC)).total_seconds()), 0)
    for length, unit in _UNITS:
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def totals(finished: pb.ExecutionFinished) -> str:
    """What an execution took, such as `3 steps, 4 calls, 120 tokens`; tools, dollars and the like if any."""
    usage = finished.usage
    parts = [
        count(finished.steps, "step"),
        count(usage.llm_calls, "call"),
        count(usage.prompt_tokens + usage.completion_tokens, "token"),
    ]
    if finished.tool_calls:
        failed = f" ({finished.failed_tool_calls:,} failed)" if finished.failed_tool_calls else ""
        parts.append(f"{count(finished.tool_calls, 'tool call')}{failed}")
    if finished.refused_replies:
        parts.append(f"{finished.refused_replies:,} refused")
    if finished.resumptions:
        parts.append(f"resumed {count(finished.resumptions, 'time')}")
    if usage.cost_usd:
        parts.append(f"${usage.cost_usd:.4f}")
    return ", ".join(parts)
