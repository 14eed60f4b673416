"""What to know before trusting a result: whether the winner was accepted, what it became, and the flags."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text

from autoflow.cli.console import one_line
from autoflow.cli.wire import enum_word
from autoflow.v1 import run_pb2

_SHOWN = 5
"""Tasks of a flag."""


def trust_lines(result: run_pb2.OptimizationResult) -> list[Text]:
    """A line each; none where there is nothing to say."""
    lines = []
    if result.HasField("acceptance"):
        lines.append(_accepted(result.acceptance))
    if result.registered:
        lines.append(Text(f"The winner is registered as {one_line(result.registered)}."))
    return [*lines, *flag_lines(result.flags)]


def flag_lines(flags: Iterable[run_pb2.Flag]) -> list[Text]:
    """Flags, a line each."""
    lines = []
    for flag in flags:
        kind = enum_word(run_pb2.FlagKind.DESCRIPTOR, "FLAG_KIND_", flag.kind)
        tasks = ", ".join(map(one_line, flag.tasks[:_SHOWN]))
        more = f" and {len(flag.tasks) - _SHOWN} more" if len(flag.tasks) > _SHOWN else ""
        where = f" ({tasks}{more})" if tasks else ""
        about = f"{one_line(flag.workflow)}: " if flag.workflow else ""
        lines.append(Text.assemble((f"! {kind}", "yellow"), f"  {about}{one_line(flag.message)}{where}"))
    return lines


def _accepted(found: run_pb2.Acceptance) -> Text:
    style = "green" if found.accepted else "yellow"
    return Text.assemble(
        f"On validation, against {one_line(found.over)}: ", (f"{one_line(found.reason)}.", style)
    )
