"""How a comparison of workflows looks."""

from __future__ import annotations

import pytest

from autoflow.cli.evaluation.comparison import comparison_view
from autoflow.cli.runs.power import power_line
from autoflow.cli.runs.results import result_view
from autoflow.v1 import run_pb2
from tests.cli import evaluations
from tests.cli.harness import autoflow
from tests.cli.test_results import flat, text_of


def compared() -> run_pb2.Run:
    run = evaluations.evaluated()
    baseline, mine, _ = run.evaluation_result.workflows
    for number, task in enumerate(mine.tasks):
        task.reward = 0.6 + (0.3 if number == 7 else 0.1 if number % 2 else -0.1)
    mine.tasks[3].ClearField("reward")
    for item, tokens in ((baseline, 48_000), (mine, 96_000)):
        item.spent.executions = 48
        item.spent.usage.prompt_tokens = tokens
        item.spent.usage.cost_usd = tokens / 1e6
    mine.flags.add(
        kind=run_pb2.FLAG_KIND_LEAK,
        workflow="mine",
        message="it holds the words of a query",
        tasks=[f"t{n}" for n in range(7)],
    )
    return run


def test_differences_are_paired_by_task_and_cost_is_told() -> None:
    view = comparison_view(compared())
    assert view is not None
    shown = flat(view)
    assert "Over baseline, paired by task" in shown
    assert "+0.100, +17% +0.070 to +0.130 23/24 2,000 0.00200" in shown
    assert "t7 0.60 0.90" in shown
    assert "! leak mine: it holds the words of a query (t0, t1, t2, t3, t4 and 2 more)" in shown
    assert max(map(len, text_of(view).splitlines())) <= 80


def test_a_single_workflow_is_compared_with_nothing() -> None:
    run = evaluations.evaluated()
    del run.evaluation_result.workflows[1]
    assert comparison_view(run) is None


def test_equal_workflows_differ_on_no_task() -> None:
    run = evaluations.evaluated()
    for item in run.evaluation_result.workflows:
        for task in item.tasks:
            task.reward = 0.5
    view = comparison_view(run)
    assert view is not None
    assert "differ most" not in flat(view)


def test_power_is_told_in_words() -> None:
    power = run_pb2.PowerAnalysis(tasks=25, minimum_detectable_effect=0.171, assumed_sd=0.29, candidates=8)
    told = power_line(run_pb2.Run(power=power))
    assert told.startswith(
        "With 25 independent tasks, choosing among 8, a true difference of 0.17 or more is found 8 times"
    )
    power.minimum_detectable_effect = 1.5
    assert "no difference can be told from chance" in power_line(run_pb2.Run(power=power))


async def test_a_comparison_takes_two_workflows() -> None:
    refused = await autoflow("compare", "--with", "expert")
    assert (refused.code, "takes two or more" in refused.error) == (2, True)


def matrix() -> run_pb2.Run:
    run = run_pb2.Run(name="runs/0123456789abcdef", state=run_pb2.RUN_STATE_SUCCEEDED)
    run.matrix.suite = "planning"
    run.matrix.method = run_pb2.METHOD_RANDOM
    for name in ("embedded", "other"):
        run.matrix.generators.add(model=name)
        run.matrix.interpreters.add(model=name)
    for mean in (0.9, 0.45, 0.1):
        pairing = run.matrix_result.pairings.add()
        pairing.reward.CopyFrom(evaluations.estimate(mean, 0.05))
        pairing.winner.source = evaluations.SOURCE
    run.matrix_result.pairings.add(flags=[run_pb2.Flag(kind=run_pb2.FLAG_KIND_MISSING, message="9 tasks")])
    run.matrix_result.test_openings = 3
    return run


def test_a_matrix_is_a_table_of_rewards() -> None:
    shown = text_of(result_view(matrix(), 80))
    rows = [line.split() for line in shown.splitlines()]
    assert ["embedded", "█", "0.900", "▒", "0.450"] in rows
    assert ["other", "0.100", "no", "workflow"] in rows
    assert "opened 3 times" in flat(result_view(matrix(), 80))
    assert "! missing" in shown


@pytest.mark.parametrize("name", ["\x1b[2J", "a\nb"])
def test_hostile_names_cannot_repaint_the_terminal(name: str) -> None:
    run = matrix()
    run.matrix.generators[0].model = name
    run.matrix_result.pairings[3].flags[0].message = name
    assert "\x1b" not in text_of(result_view(run, 80))


def test_a_pairing_that_could_not_be_measured_has_a_workflow() -> None:
    run = matrix()
    run.matrix_result.pairings[3].winner.source = evaluations.SOURCE
    shown = text_of(result_view(run, 80))
    assert "not measured" in shown
    assert "no workflow" not in shown
