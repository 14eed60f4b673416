"""Suites as lines and tables that fit 80 columns."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autoflow.cli.console import one_line
from autoflow.cli.wire import enum_word, local_time
from autoflow.v1.task_pb2 import ContentType, TaskSuite


def suite_lines(suite: TaskSuite) -> Iterator[Text]:
    """Two lines: what it is, and its name, which is too long to have anything beside it."""
    facts = f"  {_tasks(suite)}; {_openings(suite)}; {_created(suite)}"
    yield Text.assemble((one_line(suite.title), "bold"), facts)
    yield Text(f"  {one_line(suite.name)}", "cyan")


def suite_view(suite: TaskSuite) -> RenderableType:
    """Everything about one suite but its tasks."""
    facts = Table.grid(padding=(0, 2))
    for name, value in (
        ("title", Text(one_line(suite.title), "bold")),
        ("goal", Text(one_line(suite.goal))),
        ("tasks", Text(_tasks(suite))),
        ("rewarded by", Text(_reward(suite))),
        ("test split", Text(_openings(suite))),
        ("created", Text(_created(suite))),
    ):
        facts.add_row(Text(name, "dim"), value)
    tools = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("tool", "takes", "gives", "used by"):
        tools.add_column(name)
    for tool in suite.tools:
        inputs = ", ".join(map(_kind, tool.inputs))
        user = "a step, with arguments" if tool.arguments_schema else "a plan"
        tools.add_row(Text(one_line(tool.name)), Text(inputs), Text(_kind(tool.output)), Text(user))
    # The name of a created one fills a line.
    return Group(Text(one_line(suite.name), "cyan"), Text(), facts, Text(), tools)


def _tasks(suite: TaskSuite) -> str:
    return f"{suite.train_tasks} train, {suite.validation_tasks} validation, {suite.test_tasks} test"


def _reward(suite: TaskSuite) -> str:
    return "a judge of its own, by constraints" if suite.judged else "plans, accepted ones or what they make"


def _openings(suite: TaskSuite) -> str:
    return "never opened" if not suite.test_openings else f"opened {_times(suite.test_openings)}"


def _created(suite: TaskSuite) -> str:
    return local_time(suite.create_time) if suite.HasField("create_time") else "built in"


def _kind(value: ContentType.ValueType) -> str:
    return enum_word(ContentType.DESCRIPTOR, "CONTENT_TYPE_", value)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
