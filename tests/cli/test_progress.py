from __future__ import annotations

import io
import re

from rich.console import Console

from autoflow.cli.runs.follow import Update
from autoflow.cli.runs.progress import LiveView, PlainView, view
from autoflow.v1 import run_pb2
from tests.cli import messages

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def updates() -> list[Update]:
    """A run's life in five looks."""
    first, second = messages.iterations(2)
    run = run_pb2.Run(name="runs/a", state=run_pb2.RUN_STATE_PENDING)
    looks = [Update(_copy(run), ())]
    run.state = run_pb2.RUN_STATE_RUNNING
    run.progress.CopyFrom(run_pb2.RunProgress(phase="learning", done=0, total=2))
    run.iterations.append(first)
    looks.append(Update(_copy(run), (first,)))
    run.progress.done = 1
    run.iterations.append(second)
    looks.append(Update(_copy(run), (second,)))
    run.progress.CopyFrom(run_pb2.RunProgress(phase="test\x1b[2Jing"))
    looks.append(Update(_copy(run), ()))
    run.state = run_pb2.RUN_STATE_SUCCEEDED
    looks.append(Update(_copy(run), ()))
    return looks


def _copy(run: run_pb2.Run) -> run_pb2.Run:
    copy = run_pb2.Run()
    copy.CopyFrom(run)
    return copy


def test_without_a_terminal_progress_is_plain_lines() -> None:
    file = io.StringIO()
    with view(Console(file=file, width=80)) as shown:
        assert isinstance(shown, PlainView)
        for update in updates():
            shown.show(update)
    assert file.getvalue().splitlines() == [
        "waiting for a worker",
        "iteration 1  mean 0.30  max 0.50  valid 94%  2.0 s",
        "learning",
        "iteration 2  mean 0.35  max 0.55  valid 94%  2.0 s",
        r"test\x1b[2Jing",
        "succeeded",
    ]


def test_on_a_terminal_progress_is_in_place_and_leaves_a_line_for_each_phase() -> None:
    file = io.StringIO()
    console = Console(file=file, width=80, height=24, force_terminal=True, color_system=None, _environ={})
    with view(console) as shown:
        assert isinstance(shown, LiveView)
        for update in updates():
            shown.show(update)
    raw = file.getvalue()
    assert "\x1b[2J" not in raw
    text = ESCAPE.sub("", raw).replace("\r", "\n")
    left = [" ".join(line.split()[:-1]) for line in text.splitlines() if line.startswith("✓")]
    assert left == ["✓ waiting for a worker", "✓ learning 2", r"✓ test\x1b[2Jing"]
    assert "▃▃  mean 0.35  max 0.55  valid 94%" in text
    assert max(map(len, text.splitlines())) <= 80


def shown_plainly(*runs: run_pb2.Run) -> list[str]:
    """What somebody without a terminal reads of a run's looks."""
    file = io.StringIO()
    with view(Console(file=file, width=80)) as shown:
        for run in runs:
            shown.show(Update(run, tuple(run.iterations)))
    return file.getvalue().splitlines()


def test_an_iteration_of_a_matrix_names_its_pairing() -> None:
    (iteration,) = messages.iterations(1)
    iteration.pairing = 2
    run = run_pb2.Run(state=run_pb2.RUN_STATE_SUCCEEDED, iterations=[iteration])
    for _ in range(2):
        run.matrix.generators.add(model="embedded")
        run.matrix.interpreters.add(model="embedded")
    assert shown_plainly(run)[0].startswith("iteration 1 (pairing 3 of 4)  mean 0.30")


def test_duplicates_are_counted() -> None:
    (iteration,) = messages.iterations(1)
    for fate in (run_pb2.CANDIDATE_FATE_DUPLICATE, run_pb2.CANDIDATE_FATE_KEPT):
        iteration.candidates.add(fate=fate)
    run = run_pb2.Run(state=run_pb2.RUN_STATE_SUCCEEDED, iterations=[iteration])
    assert "valid 94%  1 duplicate  2.0 s" in shown_plainly(run)[0]


def test_a_long_phase_tells_each_quarter_once() -> None:
    looks = [
        run_pb2.Run(
            state=run_pb2.RUN_STATE_RUNNING,
            progress=run_pb2.RunProgress(phase="validating", done=done, total=40),
        )
        for done in (0, 9, 10, 11, 31, 40)
    ]
    assert shown_plainly(*looks) == ["validating", "validating 10/40", "validating 31/40"]
