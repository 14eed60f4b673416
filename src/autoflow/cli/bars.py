"""Bars that show how far a command is, to whoever watches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn

from autoflow.cli.console import Output

Advance = Callable[[int], None]
"""Told how much more is done, from any thread."""


@contextmanager
def bar(output: Output, what: str, total: int, figures: ProgressColumn) -> Iterator[Advance]:
    """Shows a bar on standard error for the length of the block.

    Args:
        output: where to show it.
        what: is done, such as `Restoring`.
        total: what there is to do.
        figures: how the amounts are written.
    """
    columns = (TextColumn(what), BarColumn(), figures)
    # Where nobody watches, its end would be an empty line.
    hidden = output.json or not output.err.is_terminal
    with Progress(*columns, console=output.err, transient=True, disable=hidden) as progress:
        task = progress.add_task(what, total=total)
        yield lambda count: progress.advance(task, count)
