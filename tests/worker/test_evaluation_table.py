"""The table of an evaluation, against values that were worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from autoflow.errors import Unavailable
from autoflow_worker.comparison import improvement
from autoflow_worker.evaluation.convert import result_to_proto
from autoflow_worker.evaluation.shelf import MeasuredTask
from autoflow_worker.evaluation.table import EvaluationResult, WorkflowEvaluation, evaluations, table_of
from autoflow_worker.ports import Evidence, Score
from autoflow_worker.statistics import Estimate, bootstrap_mean
from tests.worker.evaluations import RIGHT, SHORT, evaluation

Cell = float | None


def table(*tasks: tuple[str, Sequence[Cell]]) -> tuple[WorkflowEvaluation, ...]:
    """Of tasks with their metric, and the rewards of one or more workflows and the reference."""
    spec = evaluation(*[RIGHT, SHORT][: len(tasks[0][1]) - 1])
    measured = [
        MeasuredTask(f"t{number}", metric, tuple(map(score, rewards)))
        for number, (metric, rewards) in enumerate(tasks)
    ]
    return evaluations(spec, table_of(spec, measured))


def score(reward: Cell) -> Score | None:
    """A score whose plan is valid where it earns anything, and half as right as it earns."""
    return None if reward is None else Score(reward > 0, reward, reward / 2)


def test_means_are_over_tasks_by_metric_and_over_all() -> None:
    found, reference = table(
        ("vit", [0.2, 1]), ("clip", [0.3, 1]), ("vit", [0.4, 0.8]), ("bertscore", [0, 1])
    )
    assert found.reward.mean == pytest.approx((0.2 + 0.3 + 0.4 + 0) / 4)
    assert found.plan_f1 is not None
    assert found.plan_f1.mean == pytest.approx((0.2 + 0.3 + 0.4 + 0) / 8)
    assert found.valid_plan_rate.mean == 0.75
    # In the order of the paper's table.
    assert [(item.metric, item.tasks) for item in found.metrics] == [
        ("clip", 1),
        ("bertscore", 1),
        ("vit", 2),
    ]
    assert [item.reward.mean for item in found.metrics] == pytest.approx([0.3, 0, 0.3])
    assert reference.reward.mean == pytest.approx(0.95)


def test_an_interval_is_the_bootstraps() -> None:
    # Of two values, a resample has the mean 0.2 in a quarter of all cases, 0.3 in half and 0.4 in a quarter.
    found, _ = table(("vit", [0.2, 1]), ("vit", [0.4, 1]))
    for estimate in (found.reward, found.metrics[0].reward):
        assert (estimate.low, estimate.mean, estimate.high) == pytest.approx((0.2, 0.3, 0.4))


def test_one_task_has_an_interval_without_width() -> None:
    found, _ = table(("vit", [0.25, 1]))
    assert found.reward == Estimate(0.25, 0.25, 0.25)


def test_what_is_missing_counts_nowhere() -> None:
    first, second, _ = table(("vit", [0.5, None, 1]), ("vit", [None, 0.25, 1]), ("clip", [1, 0.75, 1]))
    assert (first.reward.mean, second.reward.mean) == (0.75, 0.5)
    assert (first.missing, second.missing) == (1, 1)
    assert [(item.metric, item.tasks) for item in first.metrics] == [("clip", 1), ("vit", 1)]
    assert second.improvement is not None
    # Only the last task has both.
    assert second.improvement.absolute == Estimate(-0.25, -0.25, -0.25)
    assert second.improvement.relative == -0.25


def test_an_improvement_is_paired_by_task() -> None:
    first, second, reference = table(("vit", [0.1, 0.3, 1]), ("vit", [0.7, 0.9, 1]))
    assert first.improvement is None
    assert second.improvement is not None
    # Both differences are 0.2, however much the tasks differ.
    assert second.improvement.absolute.low == pytest.approx(0.2)
    assert second.improvement.absolute.high == pytest.approx(0.2)
    assert second.improvement.over == "w0"
    assert second.improvement.relative == pytest.approx(0.5)
    assert reference.improvement is not None
    assert reference.improvement.absolute.mean == pytest.approx(0.6)


def test_rows_without_a_common_task_cannot_be_compared() -> None:
    assert improvement((score(1), None), (None, score(1)), "w0", seed=0) is None
    _, second, _ = table(("vit", [0.5, None, 1]), ("vit", [None, 0.25, 1]))
    assert second.improvement is None


def test_a_workflow_without_a_cell_is_no_line_of_a_table() -> None:
    with pytest.raises(Unavailable, match="w0"):
        table(("vit", [None, 1]))


def test_answers_are_cut_where_there_are_many() -> None:
    # A result is one message, whatever its size.
    long = Score(True, 1, 1, Evidence("a" * 500))
    tasks = (MeasuredTask("t", "vit", (long, long)),) * 10_000
    lines = tuple(replace(line, scores=(long,) * len(tasks)) for line in table(("vit", [1, 1])))
    message = result_to_proto(EvaluationResult(lines, tasks, 0, "", ""))
    assert message.ByteSize() < 10_000_000
    answer = message.workflows[0].tasks[0].answer
    assert 300 < len(answer) < 500
    assert answer == "a" * (len(answer) - 1) + "…"


def test_a_bootstrap_over_very_many_tasks_fits_into_memory() -> None:
    estimate = bootstrap_mean([0.0, 1.0] * 5_000, seed=0)
    # Of a mean of 10,000 coins: 1.96 * sqrt(0.25 / 10,000) to either side.
    assert estimate.low == pytest.approx(0.5 - 0.0098, abs=0.001)
    assert estimate.high == pytest.approx(0.5 + 0.0098, abs=0.001)
