"""What a run found: its figures, its tables, its picture."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from autoflow.cli.demo.report import STAND_IN, report, what_is_learning
from autoflow.cli.figures import clock, count, sparkline
from autoflow.cli.results.chart import draw, spread
from autoflow.cli.results.convert import summary_from_run
from autoflow.cli.results.winner import winner_steps
from autoflow.cli.runs.tables import run_view, runs_table
from autoflow.v1 import run_pb2
from tests.cli import messages

PNG = b"\x89PNG\r\n\x1a\n"


def text_of(renderable: RenderableType, width: int = 80) -> str:
    file = io.StringIO()
    Console(file=file, width=width, markup=False, emoji=False, highlight=False).print(renderable)
    return file.getvalue()


def flat(renderable: RenderableType, width: int = 80) -> str:
    """The same without line breaks."""
    return " ".join(text_of(renderable, width).split())


def without(name: str) -> run_pb2.Run:
    run = messages.succeeded()
    kept = [report for report in run.optimization_result.reports if report.name != name]
    del run.optimization_result.reports[:]
    run.optimization_result.reports.extend(kept)
    return run


def test_the_summary_has_exactly_the_keys_that_readers_count_on() -> None:
    summary = summary_from_run(messages.succeeded(), 251.25).to_json()
    score = {"test_mean", "test_ci95", "plan_f1_mean", "plan_f1_ci95", "valid_plan_rate"}
    assert set(summary) == {
        *("baseline", "expert", "control", "best", "policy", "ceiling", "improvement"),
        *("valid_workflow_rate", "truncated", "executions", "llm_calls", "tokens", "wall_seconds"),
        *("method", "seed", "iterations"),
        *("control_samples", "test_openings", "suite_digest"),
    }
    for name in ("baseline", "expert", "control", "best"):
        assert set(summary[name]) == score
    assert set(summary["policy"]) == {"before_mean", "before_ci95", "after_mean", "after_ci95", "samples"}
    assert set(summary["improvement"]) == {"relative", "absolute", "ci95"}
    assert len(summary["iterations"]) == 10
    for iteration in summary["iterations"]:
        assert set(iteration) == {"reward_mean", "reward_max", "valid_rate", "seconds"}


@pytest.mark.parametrize(
    ("number", "what", "words"),
    [
        (0, "task", "0 tasks"),
        (1, "batch", "1 batch"),
        (2, "batch", "2 batches"),
        (1234, "token", "1,234 tokens"),
    ],
)
def test_one_thing_is_not_said_to_be_several(number: int, what: str, words: str) -> None:
    assert count(number, what) == words


def test_the_summary_holds_the_run_s_figures() -> None:
    summary = summary_from_run(messages.succeeded(), 251.25).to_json()
    assert summary["baseline"]["test_mean"] == 0.45
    assert summary["best"]["test_ci95"] == pytest.approx([0.82, 0.88])
    assert summary["expert"]["valid_plan_rate"] == 0.99
    assert summary["policy"]["before_mean"] == 0.33
    assert summary["policy"]["after_ci95"] == pytest.approx([0.73, 0.83])
    assert summary["policy"]["samples"] == 48
    assert summary["ceiling"] == 0.98
    assert summary["improvement"]["absolute"] == 0.4
    assert summary["improvement"]["ci95"] == pytest.approx([0.34, 0.46])
    assert (summary["executions"], summary["llm_calls"], summary["tokens"]) == (4321, 30_000, 5_400_000)
    assert (summary["method"], summary["seed"], summary["wall_seconds"]) == ("rloo", 7, 251.25)
    assert (summary["control_samples"], summary["test_openings"]) == (64, 2)
    assert summary["suite_digest"] == messages.DIGEST
    assert summary["iterations"][1] == {
        "reward_mean": 0.35,
        "reward_max": 0.55,
        "valid_rate": 0.9375,
        "seconds": 2.0,
    }
    assert json.loads(json.dumps(summary)) == summary


def test_the_rate_of_valid_workflows_counts_every_sample_once() -> None:
    summary = summary_from_run(messages.succeeded())
    # 160 candidates of which 150 were valid, 96 fresh samples of which 48 were; 10 and 3 were cut off.
    assert summary.valid_workflow_rate == pytest.approx((150 + 48) / (160 + 96))
    assert summary.truncated == 13


def test_without_a_measured_time_the_run_s_own_counts() -> None:
    assert summary_from_run(messages.succeeded()).cost.wall_seconds == 240.0


def test_what_was_not_measured_is_null() -> None:
    run = without("control")
    run.optimization_result.ClearField("policy")
    run.optimization_result.ClearField("improvement")
    del run.iterations[:]
    summary = summary_from_run(run).to_json()
    assert (summary["control"], summary["policy"], summary["improvement"]) == (None, None, None)
    assert (summary["control_samples"], summary["valid_workflow_rate"], summary["iterations"]) == (0, 0.0, [])


@pytest.mark.parametrize("width", [80, 120])
def test_the_report_fits_and_says_everything(width: int) -> None:
    summary = summary_from_run(messages.succeeded(), 251.25)
    text = text_of(report(summary, width), width)
    assert max(map(len, text.splitlines())) <= width
    assert not re.search("[\x00-\x09\x0b-\x1f]", text)
    for figure in ("0.450", "0.400 to 0.500", "0.800", "0.700", "0.850", "0.980", "0.330", "0.780", "100%"):
        assert figure in text
    words = " ".join(text.split())
    assert "best of 64 untrained" in words
    assert "best of 160 candidates" in words
    assert "+0.400 (0.340 to 0.460), +89%" in words
    assert "4,321 executions, 30,000 model calls, 5,400,000 tokens, 4:11 of wall time" in words
    assert "opened 2 times here" in words
    assert STAND_IN in words


def test_the_report_keeps_search_and_learning_apart() -> None:
    sentence = what_is_learning(summary_from_run(messages.succeeded()))
    assert sentence == (
        "The best found is mostly search (chosen in the same way among 64 samples of the untrained "
        "generator, the control reaches 0.70, the winner 0.85); the policy's mean is the learning "
        "(from 0.33 to 0.78)."
    )
    assert "there is no control" in what_is_learning(summary_from_run(without("control")))


def test_tasks_that_are_missing_are_told() -> None:
    run = messages.succeeded()
    run.optimization_result.reports[0].missing = 3
    run.ledger.missing = 5
    words = flat(report(summary_from_run(run), 120), 120)
    assert "given, 3 tasks missing" in words
    assert "not counted as low: 5" in words


def test_the_winner_is_drawn_step_by_step() -> None:
    words = flat(winner_steps(messages.WINNER), 120)
    assert "Step 1 Identify the type of the input and every fault of the input. → Step 2" in words
    assert "Yes → Step 5" in words
    assert "No → Step 3" in words
    assert "■ the answer" in words


def test_a_hostile_winner_stays_in_its_place() -> None:
    label = "yes\u202e" * 60
    text = f"Step 1:::decision:::[bold]a[/bold]:::{label}::Step 2::no::Step 2\nStep 2:::terminal:::b"
    lines = text_of(winner_steps(text)).splitlines()
    assert max(map(len, lines)) <= 80
    assert any("[bold]a[/bold]" in line for line in lines)
    assert not any("\u202e" in line for line in lines)


def test_a_run_is_shown_with_what_came_out() -> None:
    words = flat(run_view(messages.succeeded(), 80))
    assert "runs/0123456789abcdef" in words
    assert "state succeeded" in words
    assert "0.30 to 0.75 in 10 iterations" in words
    assert "On the 48 sealed test tasks of planning" in words


def test_a_failed_run_is_shown_with_the_reason() -> None:
    run = messages.succeeded()
    run.state = run_pb2.RUN_STATE_FAILED
    run.ClearField("optimization_result")
    run.error.message = "no valid\x1b[2J workflow"
    words = flat(run_view(run, 80))
    assert r"error no valid\x1b[2J workflow" in words
    assert "sealed" not in words


def test_pairings_of_a_matrix_have_no_trend() -> None:
    run = run_pb2.Run(state=run_pb2.RUN_STATE_RUNNING, iterations=messages.iterations(3))
    run.matrix.method = run_pb2.METHOD_RANDOM
    assert "mean 0.35 of 3 iterations" in flat(run_view(run, 80))
    run.optimization.method = run_pb2.METHOD_RANDOM
    assert "0.30 to 0.40 in 3 iterations" in flat(run_view(run, 80))


def test_what_a_run_may_spend_and_is_for_is_shown() -> None:
    run = run_pb2.Run(state=run_pb2.RUN_STATE_PENDING)
    run.optimization.register_as = "planner"
    for name in ("baseline", "mine"):
        run.optimization.test.comparators.add(name=name)
    run.budget.max_executions = 2_000
    run.budget.max_cost_usd = 2.5
    run.budget.max_wall_time.FromSeconds(1_800)
    words = flat(run_view(run, 80))
    assert "compared to baseline, mine register as planner" in words
    assert "of at most 2,000 executions, 2.50 USD, 30:00 of wall time" in words


def test_a_run_that_lost_its_worker_says_why_it_waits() -> None:
    run = messages.succeeded()
    run.ClearField("optimization_result")
    run.state = run_pb2.RUN_STATE_PENDING
    assert "phase" not in flat(run_view(run, 80))
    run.progress.phase = "waiting for another worker: the last one ended with exit code 1: no torch"
    assert f"phase {run.progress.phase}" in flat(run_view(run, 80))


def test_a_list_of_runs_fits_80_columns() -> None:
    longest = messages.succeeded()
    longest.state = run_pb2.RUN_STATE_CANCELLING
    longest.matrix.suite = "a" * 64
    longest.matrix.method = run_pb2.METHOD_REFLECTIVE
    evaluation = messages.succeeded()
    evaluation.evaluation.suite = "planning"
    lines = text_of(runs_table([longest, evaluation])).splitlines()
    assert len(lines) == 3
    assert max(map(len, lines)) <= 80
    assert "…" not in "".join(lines).replace(f"{'a' * 12}…", "")


@pytest.mark.parametrize("count", [0, 1, 200])
def test_the_picture_is_drawn_whatever_there_is_to_draw(tmp_path: Path, count: int) -> None:
    run = messages.succeeded(count)
    if count == 0:
        run.optimization_result.ClearField("policy")
        del run.optimization_result.reports[:]
    path = tmp_path / "reward.png"
    draw(summary_from_run(run), path)
    data = path.read_bytes()
    assert data.startswith(PNG)
    width, height = int.from_bytes(data[16:20]), int.from_bytes(data[20:24])
    assert (width, height) == (1575, 840)


def test_labels_move_apart_and_keep_their_order() -> None:
    assert spread([0.2, 0.8], 0.1, 0.0, 1.0) == [0.2, 0.8]
    assert spread([0.5, 0.45, 0.98], 0.1, 0.0, 1.0) == pytest.approx([0.55, 0.45, 0.98])
    assert spread([1.0, 0.99, 0.98], 0.1, 0.0, 1.0) == pytest.approx([1.0, 0.9, 0.8])
    assert spread([], 0.1, 0.0, 1.0) == []


def test_a_curve_has_a_block_for_every_value_or_group() -> None:
    assert sparkline([], 10) == ""
    assert sparkline([0.0, 0.5, 1.0], 10) == "▁▅█"
    assert sparkline([0.0, 0.0, 1.0, 1.0], 2) == "▁█"
    assert len(sparkline([0.1] * 97, 40)) == 40
    assert sparkline([-1.0, 2.0], 10) == "▁█"


def test_durations_are_read_like_a_clock() -> None:
    assert [clock(0.4), clock(61), clock(3600), clock(3661.6)] == ["0:00", "1:01", "1:00:00", "1:01:02"]
