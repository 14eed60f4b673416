"""Shows how far a run is: in place on a terminal, as plain lines anywhere else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from autoflow.cli.figures import clock, count, sparkline
from autoflow.cli.runs.follow import Update
from autoflow.cli.runs.states import phase_of
from autoflow.v1 import run_pb2

_REFRESH = 4
"""Times a second that the elapsed time is shown anew."""
_MANY = 20
"""A phase of so many parts tells each quarter that is done."""
_UNHAPPY = frozenset({run_pb2.RUN_STATE_FAILED, run_pb2.RUN_STATE_CANCELLED})
_BESIDE_CURVE = 60
"""Characters beside the curve of the rewards."""


class View(Protocol):
    """Shows the updates of one run."""

    def show(self, update: Update) -> None:
        """Shows the run as it is now."""


@contextmanager
def view(console: Console) -> Iterator[View]:
    """Shows a run's progress for the length of the block.

    Args:
        console: where to; what it is decides how.
    """
    if console.is_terminal and not console.is_dumb_terminal:
        with LiveView(console) as live:
            yield live
    else:
        yield PlainView(console)


def _figures(run: run_pb2.Run, iteration: run_pb2.Iteration) -> str:
    rewards = f"mean {iteration.reward_mean:.2f}  max {iteration.reward_max:.2f}"
    # Whoever measures given workflows draws none that might be invalid.
    if run.HasField("evaluation"):
        return rewards
    again = sum(item.fate == run_pb2.CANDIDATE_FATE_DUPLICATE for item in iteration.candidates)
    return f"{rewards}  valid {iteration.valid_rate:.0%}" + (
        f"  {count(again, 'duplicate')}" if again else ""
    )


def _what(run: run_pb2.Run, iteration: run_pb2.Iteration) -> str:
    """Such as `iteration 3`; of a matrix, with the pairing that searched."""
    if run.HasField("evaluation"):
        return f"batch {iteration.index + 1}"
    name = f"iteration {iteration.index + 1}"
    if not run.HasField("matrix"):
        return name
    pairings = len(run.matrix.generators) * len(run.matrix.interpreters)
    return f"{name} (pairing {iteration.pairing + 1} of {pairings})"


class PlainView:
    """A line for every phase, every quarter of a long one, and every iteration."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._phase = ""
        self._quarters = 0

    def show(self, update: Update) -> None:
        """Prints what is new."""
        for iteration in update.fresh:
            run = update.run
            line = f"{_what(run, iteration)}  {_figures(run, iteration)}  {iteration.seconds:.1f} s"
            self._console.print(line, soft_wrap=True)
        phase = phase_of(update.run)
        progress = update.run.progress
        quarters = 4 * progress.done // progress.total if progress.total >= _MANY else 0
        if phase != self._phase:
            self._console.print(phase, soft_wrap=True)
        elif self._quarters < quarters < 4:
            self._console.print(f"{phase} {progress.done}/{progress.total}", soft_wrap=True)
        self._phase, self._quarters = phase, quarters


class LiveView:
    """A bar for the phase and a curve of the rewards, in place; phases that are over leave a line."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._spinner = Spinner("dots", style="cyan")
        self._run = run_pb2.Run()
        self._phase = ""
        self._since = time.monotonic()
        # Last, because it draws a frame at once.
        self._live = Live(
            console=console, get_renderable=self._frame, refresh_per_second=_REFRESH, transient=True
        )

    def show(self, update: Update) -> None:
        """Shows what is new."""
        phase = phase_of(update.run)
        if phase != self._phase:
            self._leave(self._run, well=update.run.state not in _UNHAPPY)
            self._phase, self._since = phase, time.monotonic()
        self._run = update.run
        self._live.refresh()

    def __enter__(self) -> LiveView:
        self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._live.stop()

    def _leave(self, run: run_pb2.Run, *, well: bool) -> None:
        """Leaves a line about the phase that is over."""
        if not self._phase:
            return
        done = str(run.progress.total or "")
        self._console.print(
            Text.assemble(
                ("✓ ", "green") if well else ("✗ ", "red"),
                f"{self._phase:<28}",
                (f"{done:>6}", "dim"),
                (f"{clock(time.monotonic() - self._since):>9}", "dim"),
            )
        )

    def _frame(self) -> RenderableType:
        lines: list[RenderableType] = [self._bar()]
        if self._run.iterations:
            lines.append(self._curve())
        return Group(*lines)

    def _bar(self) -> RenderableType:
        progress = self._run.progress
        known = self._run.state == run_pb2.RUN_STATE_RUNNING and progress.total > 0
        grid = Table.grid(padding=(0, 1), expand=True)
        for options in ({}, {}, {"ratio": 1}, {"justify": "right"}, {"justify": "right"}):
            grid.add_column(no_wrap=True, **options)
        grid.add_row(
            self._spinner,
            Text(self._phase or "starting", "bold"),
            ProgressBar(total=progress.total, completed=progress.done) if known else Text(),
            Text(f"{progress.done}/{progress.total}" if known else ""),
            Text(clock(time.monotonic() - self._since), "dim"),
        )
        return grid

    def _curve(self) -> Text:
        means = [iteration.reward_mean for iteration in self._run.iterations]
        width = max(self._console.width - _BESIDE_CURVE, 8)
        return Text.assemble(
            ("  reward ", "dim"),
            (sparkline(means, width), "cyan"),
            f"  {_figures(self._run, self._run.iterations[-1])}",
            no_wrap=True,
        )
