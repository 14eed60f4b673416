"""Executions as a table, and what is known of one, for terminals of any width."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autoflow.cli.console import one_line
from autoflow.cli.executions.states import ENDED, age, outcome_text, state_text, totals
from autoflow.cli.executions.trace import protocol_word
from autoflow.cli.figures import clock, count
from autoflow.cli.names import execution_id
from autoflow.cli.wire import enum_word, local_time
from autoflow.v1 import interpreter_service_pb2 as pb

_HEADINGS = ("execution", "state", "outcome", "steps", "age")
_WIDTHS = (36, 9, 11, 5, 6)
"""Their columns; an id is a UUID."""
_MODEL = 40
_QUERY = 50
"""Columns that a query wants beside the rest; where there are fewer it has a line of its own."""
_GAP = "  "


def executions_table(executions: Sequence[pb.Execution], width: int, now: datetime) -> RenderableType:
    """A line for each execution; two where the terminal has no room for the queries beside the rest.

    Args:
        executions: as they were listed.
        width: columns of the terminal.
        now: aware.
    """
    models = [Text(one_line(each.model.model)) for each in executions]
    widths = (*_WIDTHS, min(max(model.cell_len for model in (Text("model"), *models)), _MODEL))
    if width < sum(widths) + len(widths) * len(_GAP) + _QUERY:
        lines = [_line([Text(heading, "bold") for heading in _HEADINGS], _WIDTHS)]
        for each in executions:
            lines += [_line(_cells(each, now), _WIDTHS), Text(_GAP).append_text(_query(each))]
    else:
        lines = [_line([Text(heading, "bold") for heading in (*_HEADINGS, "model", "query")], widths)]
        for each, model in zip(executions, models, strict=True):
            lines.append(_line([*_cells(each, now), model, _query(each)], widths))
    for line in lines:
        line.rstrip()
        line.truncate(width, overflow="ellipsis")
    return Group(*lines)


def _cells(execution: pb.Execution, now: datetime) -> list[Text]:
    finished = execution.finished if execution.HasField("finished") else None
    return [
        Text(one_line(execution_id(execution.name))),
        state_text(execution),
        outcome_text(finished) if finished is not None else Text(),
        Text(f"{finished.steps:>5,}" if finished is not None else ""),
        Text(age(execution.create_time, now)),
    ]


def _query(execution: pb.Execution) -> Text:
    return Text(one_line(execution.query_beginning), "dim")


def _line(cells: Sequence[Text], widths: Sequence[int]) -> Text:
    """Cells side by side; one that has no width is as wide as it is."""
    for cell, width in zip(cells, widths, strict=False):
        cell.truncate(width, overflow="ellipsis", pad=True)
    return Text(_GAP).join(cells)


def header(execution: pb.Execution, started: pb.ExecutionStarted | None) -> RenderableType:
    """What is known of an execution as a whole.

    Args:
        execution: with its request.
        started: its first event; None where it is not there.
    """
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _facts(execution, started):
        table.add_row(Text(name, "dim"), value)
    return table


def _facts(execution: pb.Execution, started: pb.ExecutionStarted | None) -> Iterator[tuple[str, Text]]:
    yield "execution", Text(one_line(execution.name), "bold")
    yield "state", _state(execution)
    yield "task", Text(one_line(execution.request.query or execution.query_beginning))
    adapter = f", adapter {execution.model.adapter}" if execution.model.adapter else ""
    yield "model", Text(one_line(f"{execution.model.model}{adapter}"))
    if started is not None:
        reason = f", for {started.protocol_reason}" if started.protocol_reason else ""
        prompts = f", prompts {started.prompt_version}"
        yield "protocol", Text(one_line(f"{protocol_word(started.protocol)}{reason}{prompts}"))
        yield "memory", Text(_memory(execution.request, started))
        if started.step_tools:
            yield "tools", Text(one_line(", ".join(started.step_tools)))
    yield "begun", Text(_times(execution))
    if execution.HasField("finished"):
        yield "took", Text(totals(execution.finished))
        if execution.finished.detail:
            yield "because", Text(one_line(execution.finished.detail), "red")
    elif execution.resumptions:
        yield "resumed", Text(count(execution.resumptions, "time"))
    if execution.HasField("error"):
        yield "error", Text(one_line(execution.error.message), "red")


def _state(execution: pb.Execution) -> Text:
    if execution.HasField("finished"):
        return Text.assemble(state_text(execution), ", ", outcome_text(execution.finished))
    return state_text(execution)


def _memory(request: pb.ExecuteWorkflowRequest, started: pb.ExecutionStarted) -> str:
    word = enum_word(pb.MemoryStrategy.DESCRIPTOR, "MEMORY_STRATEGY_", started.memory)
    limit = request.max_memory_tokens
    return f"{word}, {limit:,} tokens at most" if limit else word


def _times(execution: pb.Execution) -> str:
    begun = local_time(execution.create_time, zone=True)
    if execution.state not in ENDED:
        return begun
    first, last = (stamp.ToNanoseconds() for stamp in (execution.create_time, execution.end_time))
    return f"{begun}, ended after {clock((last - first) / 1e9)}"
