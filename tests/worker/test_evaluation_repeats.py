"""Evaluations at a temperature: several executions of a workflow on a task, and what they say together."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from autoflow.suites import Task
from autoflow_worker.evaluation.convert import result_to_proto
from autoflow_worker.evaluation.repeats import difference_over, mean_over, merged
from autoflow_worker.evaluation.spec import EvaluationSpec
from autoflow_worker.ledger import Budget, BudgetSpent, Ledger
from autoflow_worker.ports import CallFailed, Execution, Score, Workflow
from autoflow_worker.statistics import bootstrap_mean, paired_bootstrap
from tests.worker.doubles import COST, Killed, Notebook, ScriptedInterpreter
from tests.worker.evaluations import RIGHT, SHORT, TASKS, Bench, evaluation

COST_OF_ONE = Execution("", COST).cost


class Moody(ScriptedInterpreter):
    """Gives no plan with one seed, and fails with another."""

    def __init__(self, wrong: int, lost: int | None = None) -> None:
        super().__init__()
        self._wrong = wrong
        self._lost = lost
        self.seeds: Counter[tuple[str, int]] = Counter()

    async def execute(self, workflow: Workflow, task: Task, *, seed: int = 0) -> Execution:
        self.seeds[workflow.digest, seed] += 1
        if seed == self._lost:
            raise CallFailed("not with this seed")
        execution = await super().execute(workflow, task, seed=seed)
        return replace(execution, answer="No plan.") if seed == self._wrong else execution


def sampled(*answers: str, repeats: int = 3, budget: Budget | None = None) -> EvaluationSpec:
    """An evaluation at a temperature."""
    return replace(evaluation(*answers, budget=budget), temperature=0.7, repeats=repeats)


async def test_a_tasks_reward_is_the_mean_over_its_executions(tmp_path: Path) -> None:
    spec = sampled(RIGHT, SHORT)
    interpreter = Moody(wrong=spec.seeds[1])
    bench = Bench(tmp_path, spec, interpreter=interpreter)
    job = bench.job()
    result = await job.run()
    right, short, reference = result.workflows
    assert right.reward.mean == pytest.approx(2 / 3)
    assert short.reward.mean == pytest.approx(4 / 9)
    assert right.valid_plan_rate.mean == pytest.approx(2 / 3)
    # In one execution of three it was no plan: then the task's plan is not valid.
    assert not any(score and score.plan_valid for score in right.scores)
    assert reference.reward.mean == 1
    assert set(interpreter.seeds.values()) == {TASKS}
    assert {seed for _, seed in interpreter.seeds} == set(spec.seeds)
    assert job.ledger.executions == 2 * 3 * TASKS


async def test_without_a_temperature_the_seed_is_none(tmp_path: Path) -> None:
    interpreter = Moody(wrong=-1)
    await Bench(tmp_path, evaluation(RIGHT, seed=5), interpreter=interpreter).job().run()
    assert {seed for _, seed in interpreter.seeds} == {0}


def test_equal_evaluations_have_equal_seeds_and_others_do_not() -> None:
    assert sampled(RIGHT).seeds == sampled(SHORT).seeds
    assert len(set(sampled(RIGHT).seeds)) == 3
    assert not set(sampled(RIGHT).seeds) & set(replace(sampled(RIGHT), seed=1).seeds)


async def test_what_is_missing_of_a_task_does_not_lower_its_reward(tmp_path: Path) -> None:
    spec = sampled(RIGHT)
    bench = Bench(tmp_path, spec, interpreter=Moody(wrong=-1, lost=spec.seeds[2]))
    job = bench.job()
    (found, _) = (await job.run()).workflows
    assert (found.reward.mean, found.missing, job.ledger.missing) == (1, 0, TASKS)
    assert [flag.kind for flag in found.flags] == ["missing"]


@pytest.mark.parametrize("died_after", [1, 2])
async def test_another_worker_goes_on_and_pays_no_seed_twice(tmp_path: Path, died_after: int) -> None:
    spec = sampled(RIGHT, SHORT)
    wrong = spec.seeds[0]
    expected = await Bench(tmp_path / "whole", spec, interpreter=Moody(wrong)).job().run()
    bench = Bench(
        tmp_path / "halved", spec, interpreter=Moody(wrong), journal=Notebook(stop_after=died_after)
    )
    with pytest.raises(Killed):
        await bench.job().run()
    reports, checkpoints = bench.journal.reports, bench.journal.checkpoints
    bench.journal, bench.interpreter = Notebook(), Moody(wrong)
    job = bench.job(reports[-1].ledger, checkpoints[-1])
    assert result_to_proto(await job.run()) == result_to_proto(expected)
    assert job.ledger.executions == 2 * 3 * TASKS
    assert bench.interpreter.calls.total() == 2 * 3 * TASKS - reports[-1].ledger.executions


async def test_a_budget_must_last_for_all_repetitions(tmp_path: Path) -> None:
    bench = Bench(tmp_path, sampled(RIGHT, budget=Budget(max_executions=3 * TASKS - 1)))
    with pytest.raises(BudgetSpent, match=f"to {3 * TASKS} or more"):
        await bench.job().run()
    assert not bench.interpreter.calls


async def test_what_each_workflow_cost_is_told(tmp_path: Path) -> None:
    result = await Bench(tmp_path, sampled(RIGHT, SHORT)).job().run()
    right, short, reference = result.workflows
    assert right.spent == short.spent == reference.spent + sum([COST_OF_ONE] * 3 * TASKS, Ledger())
    assert reference.spent == Ledger()


def score(reward: float, *, valid: bool = True, cost: Ledger | None = None) -> Score:
    return Score(valid, reward, plan_f1=reward, passed=reward == 1, cost=cost)


def test_scores_of_one_task_are_one() -> None:
    both = merged([score(1.0, cost=COST_OF_ONE), None, score(0.5, cost=COST_OF_ONE)])
    assert both == Score(True, 0.75, plan_f1=0.75, passed=False)
    assert both is not None
    assert both.cost == COST_OF_ONE + COST_OF_ONE
    assert merged([None, None]) is None
    assert merged([score(0.25)]) == score(0.25)
    once_invalid = merged([score(1.0), score(0.0, valid=False)])
    assert once_invalid is not None
    assert not once_invalid.plan_valid


def test_one_execution_each_has_the_intervals_of_always() -> None:
    left, right = [0.1, 0.9, 0.4, 1.0], [0.0, 0.5, 0.5, 1.0]
    assert mean_over([[value] for value in left], seed=3) == bootstrap_mean(left, seed=3)
    assert difference_over(
        [[value] for value in left], [[value] for value in right], seed=3
    ) == paired_bootstrap(left, right, seed=3)


def test_the_mean_is_over_tasks_however_often_each_was_executed() -> None:
    found = mean_over([[1.0, 1.0, 1.0, 1.0], [0.0]], seed=0)
    assert found.mean == 0.5
    assert difference_over([[1.0, 0.5], [0.5]], [[0.5], [0.0, 0.5]], seed=0).mean == 0.25


def test_an_interval_covers_the_truth_as_often_as_it_says() -> None:
    # Tasks differ, and executions of a task differ around its own mean.
    rng = np.random.default_rng(20)
    covered = 0
    for trial in range(200):
        tasks = rng.random((30, 1)) < 0.5
        values = (rng.random((30, 4)) < np.where(tasks, 0.8, 0.3)).astype(float)
        found = mean_over(values.tolist(), seed=trial, resamples=400)
        covered += found.low <= 0.55 <= found.high
    assert covered >= 0.92 * 200


def test_tasks_of_one_group_are_drawn_together() -> None:
    rng = np.random.default_rng(5)
    tasks = np.repeat(rng.random(12), 3)
    values = [[value, value] for value in tasks]
    groups = [str(index // 3) for index in range(36)]
    alone, together = mean_over(values, seed=1), mean_over(values, seed=1, groups=groups)
    assert alone.mean == together.mean
    assert together.high - together.low == pytest.approx(3**0.5 * (alone.high - alone.low), rel=0.15)


def test_sides_of_different_lengths_cannot_be_paired() -> None:
    with pytest.raises(ValueError, match="2 tasks cannot be paired with 1"):
        difference_over([[1.0], [0.0]], [[1.0]], seed=0)
