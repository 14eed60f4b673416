"""Workflows over the first one, paired by task: differences, cost, and the tasks that differ most."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autoflow.cli.console import one_line
from autoflow.cli.figures import share
from autoflow.cli.results.trust import flag_lines
from autoflow.v1 import run_pb2

_NAME = 20
"""Characters of a name at most."""
_TASKS = 8
"""Tasks that are shown."""
_LEAST = 0.005
"""A smaller difference of one task is none."""


def comparison_view(run: run_pb2.Run) -> RenderableType | None:
    """Differences, cost and tasks.

    Args:
        run: an evaluation that has succeeded.

    Returns:
        None where a single workflow was measured.
    """
    given = [item for item in run.evaluation_result.workflows if item.HasField("workflow")]
    if len(given) < 2:
        return None
    first, others = given[0], given[1:]
    parts: list[RenderableType] = [
        Text(f"Over {one_line(first.name)}, paired by task", "bold"),
        _differences(given),
    ]
    tasks = _tasks(first, others)
    if tasks is not None:
        parts += [Text(), Text("The tasks that differ most", "bold"), tasks]
    return Group(*parts, *flag_lines(flag for item in given for flag in item.flags))


def _differences(given: Sequence[run_pb2.WorkflowEvaluation]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("", max_width=_NAME, overflow="fold")
    for heading in ("difference", "95% interval", "won/lost", "tokens a task", "USD a task"):
        table.add_column(heading, justify="right", no_wrap=True)
    for item in given:
        table.add_row(Text(one_line(item.name)), *_difference(item, given[0]), *_cost(item))
    return table


def _difference(
    item: run_pb2.WorkflowEvaluation, first: run_pb2.WorkflowEvaluation
) -> tuple[Text, Text, Text]:
    if not item.HasField("improvement"):
        return Text("-"), Text(), Text()
    gain = item.improvement.absolute
    sure = gain.ci95_low > 0 or gain.ci95_high < 0
    style = "" if not sure else "green" if gain.mean > 0 else "red"
    won, lost = _won_and_lost(item, first)
    return (
        Text(f"{gain.mean:+.3f}{share(item.improvement.relative)}", style),
        Text(f"{gain.ci95_low:+.3f} to {gain.ci95_high:+.3f}"),
        Text(f"{won}/{lost}"),
    )


def _won_and_lost(item: run_pb2.WorkflowEvaluation, first: run_pb2.WorkflowEvaluation) -> tuple[int, int]:
    differences = _by_task(item, first).values()
    return sum(gain > _LEAST for gain in differences), sum(gain < -_LEAST for gain in differences)


def _by_task(item: run_pb2.WorkflowEvaluation, first: run_pb2.WorkflowEvaluation) -> dict[str, float]:
    """The difference on each task that both have."""
    return {
        mine.task: mine.reward - theirs.reward
        for mine, theirs in zip(item.tasks, first.tasks, strict=True)
        if mine.HasField("reward") and theirs.HasField("reward")
    }


def _cost(item: run_pb2.WorkflowEvaluation) -> tuple[Text, Text]:
    spent = item.spent
    if not spent.executions:
        return Text("-"), Text("-")
    tokens = (spent.usage.prompt_tokens + spent.usage.completion_tokens) / spent.executions
    usd = spent.usage.cost_usd / spent.executions
    return Text(f"{tokens:,.0f}"), Text(f"{usd:.5f}" if usd else "-")


def _tasks(first: run_pb2.WorkflowEvaluation, others: Sequence[run_pb2.WorkflowEvaluation]) -> Table | None:
    gains = [_by_task(item, first) for item in others]
    largest = {
        task.task: max((abs(gain.get(task.task, 0.0)) for gain in gains), default=0.0) for task in first.tasks
    }
    shown = sorted((task for task in largest if largest[task] > _LEAST), key=lambda task: -largest[task])
    if not shown:
        return None
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("task", max_width=40, overflow="fold")
    for item in (first, *others):
        table.add_column(one_line(item.name), justify="right", max_width=_NAME, overflow="fold")
    rewards = [
        {task.task: task.reward for task in item.tasks if task.HasField("reward")}
        for item in (first, *others)
    ]
    for task in shown[:_TASKS]:
        cells = [Text(f"{row[task]:.2f}" if task in row else "-") for row in rewards]
        table.add_row(Text(one_line(task)), *cells)
    return table
