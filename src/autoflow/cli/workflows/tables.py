"""Registered workflows as tables that fit 80 columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autoflow.cli.console import one_line
from autoflow.cli.figures import count
from autoflow.cli.model_names import model_word
from autoflow.cli.results.winner import steps_table
from autoflow.cli.runs.states import spent_words
from autoflow.cli.wire import enum_word, local_time
from autoflow.v1 import registry_service_pb2 as pb
from autoflow.v1 import run_pb2, task_pb2

_DESCRIPTION = 32
"""Characters of a description in a table."""


def workflows_table(workflows: Sequence[pb.RegisteredWorkflow]) -> RenderableType:
    """A line for each."""
    table = _headed("workflow", "newest", "aliases", "changed")
    for workflow in workflows:
        aliases = ", ".join(f"{_alias(alias.name)} → {alias.version}" for alias in workflow.aliases)
        table.add_row(
            Text(short_name(workflow.name)),
            Text(f"{workflow.newest_version}"),
            Text(aliases or "-"),
            Text(local_time(workflow.update_time)),
        )
    return table


def versions_table(versions: Sequence[pb.WorkflowVersion]) -> RenderableType:
    """A line for each."""
    table = _headed("version", "aliases", "from", "scored", "created")
    for version in versions:
        table.add_row(
            Text(short_name(version.name)),
            Text(one_line(", ".join(version.aliases)) or "-"),
            Text(one_line(_origin(version))[:_DESCRIPTION]),
            Text(_score(version.measurements[-1]) if version.measurements else "-"),
            Text(local_time(version.create_time)),
        )
    return table


def changes_table(changes: Sequence[pb.AliasChange]) -> RenderableType:
    """A line for each."""
    table = _headed("alias", "move", "version", "when", "why")
    for change in changes:
        move = enum_word(pb.AliasChangeKind.DESCRIPTOR, "ALIAS_CHANGE_KIND_", change.kind)
        table.add_row(
            Text(short_name(change.alias)),
            Text(move),
            Text(f"{change.from_version or '-'} → {change.to_version}"),
            Text(local_time(change.create_time)),
            Text(one_line(change.reason)),
        )
    return table


def version_view(version: pb.WorkflowVersion) -> RenderableType:
    """Everything about one version."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _facts(version):
        table.add_row(Text(name, "dim"), value)
    return Group(table, Text(), steps_table(version.workflow.source))


def short_name(name: str) -> str:
    """A name as people give it."""
    return one_line(name.removeprefix("workflows/"))


def _facts(version: pb.WorkflowVersion) -> Iterator[tuple[str, Text]]:
    yield "version", Text(short_name(version.name), "bold")
    if version.aliases:
        yield "aliases", Text(one_line(", ".join(version.aliases)))
    if version.description:
        yield "about", Text(one_line(version.description))
    yield "from", Text(one_line(_origin(version)))
    lineage = version.lineage
    if lineage.parents:
        yield "parents", Text(", ".join(map(_parent, lineage.parents)))
    if lineage.HasField("generator"):
        prompts = f", prompts {one_line(lineage.prompt_version)}" if lineage.prompt_version else ""
        yield "written by", Text(one_line(model_word(lineage.generator)) + prompts)
    if lineage.HasField("cost"):
        yield "cost", Text(spent_words(lineage.cost))
    for measured in version.measurements:
        yield "scored", Text(_measured(measured))
    yield "created", Text(local_time(version.create_time))
    yield "digest", Text(one_line(version.workflow.digest), "dim")


def _origin(version: pb.WorkflowVersion) -> str:
    return version.lineage.run or "written by hand"


def _parent(name: str) -> str:
    return one_line(f"{name[:15]}…" if name.startswith("sha256:") else name.removeprefix("workflows/"))


def _score(measured: pb.Measurement) -> str:
    split = enum_word(task_pb2.Split.DESCRIPTOR, "SPLIT_", measured.split)
    return f"{measured.value.mean:.3f} {split}"


def _measured(measured: pb.Measurement) -> str:
    bounds = f"{measured.value.ci95_low:.3f} to {measured.value.ci95_high:.3f}"
    reward = enum_word(run_pb2.Reward.DESCRIPTOR, "REWARD_", measured.reward)
    opened = f", test opened {measured.test_openings} times by then" if measured.test_openings > 1 else ""
    return (
        f"{_score(measured)} ({bounds}) on {count(measured.tasks, 'task')} of "
        f"{one_line(measured.suite.removeprefix('suites/'))[:24]}, reward {reward}, executed by "
        f"{one_line(model_word(measured.interpreter))}{opened}"
    )


def _alias(name: str) -> str:
    return one_line(name.rpartition("@")[2])


def _headed(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in headings:
        table.add_column(heading, no_wrap=heading not in {"aliases", "why"})
    return table
