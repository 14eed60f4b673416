"""Evaluations: what is measured, paid, kept and reported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from autoflow.errors import FailedPrecondition, Unavailable
from autoflow.store.artifacts import ArtifactStore
from autoflow.suites import Split, Task
from autoflow_worker.evaluation.convert import result_to_proto
from autoflow_worker.ledger import Budget, BudgetSpent
from autoflow_worker.ports import CallFailed, Execution, Score, Workflow
from tests.worker.doubles import COST, Killed, Notebook, PlanScorer, ScriptedInterpreter, suite
from tests.worker.evaluations import RIGHT, SHORT, TASKS, WRONG, Bench, evaluation


async def test_workflows_are_measured_side_by_side_with_the_reference_plans(tmp_path: Path) -> None:
    bench = Bench(tmp_path, evaluation(WRONG, SHORT, RIGHT))
    job = bench.job()
    result = await job.run()
    assert [found.name for found in result.workflows] == ["w0", "w1", "w2", "reference"]
    assert [found.reward.mean for found in result.workflows] == pytest.approx([0, 2 / 3, 1, 1])
    assert [found.valid_plan_rate.mean for found in result.workflows] == [0, 1, 1, 1]
    assert [found.plan_f1 and found.plan_f1.mean for found in result.workflows] == pytest.approx(
        [0, 2 / 3, 1, 1]
    )
    assert [found.improvement and found.improvement.absolute.mean for found in result.workflows] == [
        None,
        pytest.approx(2 / 3),
        1,
        1,
    ]
    assert [item.metric for item in result.workflows[0].metrics] == ["plan_f1"]
    assert [task.task for task in result.tasks] == [task.id for task in bench.suite.tasks(Split.VALIDATION)]
    # The reference plans need no execution.
    assert (job.ledger.executions, job.ledger.cache_hits, job.ledger.missing) == (3 * TASKS, 0, 0)
    assert job.ledger.usage.calls == 3 * TASKS * COST.calls


async def test_batches_are_committed_and_tell_of_the_workflows_means(tmp_path: Path) -> None:
    bench = Bench(tmp_path, evaluation(WRONG, RIGHT))
    await bench.job().run()
    reports = bench.journal.reports
    assert [report.index for report in reports] == list(range(len(reports)))
    assert len(reports) > 1
    assert {(report.reward_mean, report.reward_max) for report in reports} == {(0.5, 1.0)}
    assert reports[-1].ledger.executions == 2 * TASKS
    phases = bench.journal.phases
    assert (phases[-2].phase, phases[-2].done, phases[-2].total) == ("evaluating", 3 * TASKS, 3 * TASKS)
    done = [progress.done for progress in phases if progress.phase == "evaluating"]
    assert done == sorted(done)


@pytest.mark.parametrize("died_after", [0, 1, 2])
async def test_another_worker_goes_on_from_the_last_commit_and_pays_nothing_twice(
    tmp_path: Path, died_after: int
) -> None:
    spec = evaluation(SHORT, RIGHT)
    whole = Bench(tmp_path / "whole", spec)
    expected = await whole.job().run()

    bench = Bench(tmp_path / "halved", spec, journal=Notebook(stop_after=died_after))
    with pytest.raises(Killed):
        await bench.job().run()
    paid_before = bench.journal.reports[-1].ledger.executions if died_after else 0
    job = bench.next_job()
    result = await job.run()
    assert result_to_proto(result) == result_to_proto(expected)
    assert bench.interpreter.calls.total() == 2 * TASKS - paid_before
    assert job.ledger.executions == 2 * TASKS
    assert [report.index for report in bench.journal.reports] == list(
        range(died_after, len(whole.journal.reports))
    )


@pytest.mark.parametrize("cells", [15, 40, 640])
async def test_a_worker_whose_batches_have_another_size_goes_on_all_the_same(
    tmp_path: Path, cells: int
) -> None:
    spec = evaluation(SHORT, RIGHT)
    expected = await Bench(tmp_path / "whole", spec).job().run()
    bench = Bench(tmp_path / "halved", spec, journal=Notebook(stop_after=2))
    with pytest.raises(Killed):
        await bench.job().run()
    paid_before = bench.journal.reports[-1].ledger.executions
    bench.batch_cells = cells
    result = await bench.next_job().run()
    assert [task.task for task in result.tasks] == [task.task for task in expected.tasks]
    assert result.workflows == expected.workflows
    assert bench.interpreter.calls.total() == 2 * TASKS - paid_before
    assert [report.index for report in bench.journal.reports] == list(
        range(2, 2 + len(bench.journal.reports))
    )


async def test_a_worker_with_nothing_left_to_measure_makes_the_result(tmp_path: Path) -> None:
    bench = Bench(tmp_path, evaluation(SHORT))
    expected = await bench.job().run()
    assert result_to_proto(await bench.next_job().run()) == result_to_proto(expected)
    assert bench.journal.reports == []


async def test_the_test_split_is_opened_before_it_is_touched(tmp_path: Path) -> None:
    touched_at: list[int] = []
    bench = Bench(tmp_path, evaluation(RIGHT, split=Split.TEST))

    class Watching(ScriptedInterpreter):
        async def execute(self, workflow: Workflow, task: Task, *, seed: int = 0) -> Execution:
            touched_at.append(len(bench.journal.openings))
            return await super().execute(workflow, task, seed=seed)

    bench.interpreter = Watching()
    result = await bench.job().run()
    assert result.test_openings == 1
    assert set(touched_at) == {1}
    assert bench.journal.openings == [bench.suite.digest]


async def test_other_splits_open_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path, evaluation(RIGHT))
    assert (await bench.job().run()).test_openings == 0
    assert bench.journal.openings == []


async def test_a_split_without_tasks_cannot_be_measured(tmp_path: Path) -> None:
    bench = Bench(tmp_path, evaluation(RIGHT), suite=suite(validation=0))
    with pytest.raises(FailedPrecondition, match="no tasks in the split validation"):
        await bench.job().run()


async def test_equal_workflows_are_executed_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path, evaluation(SHORT, SHORT))
    job = bench.job()
    result = await job.run()
    assert (job.ledger.executions, job.ledger.cache_hits) == (TASKS, TASKS)
    assert result.workflows[0].reward == result.workflows[1].reward


async def test_drawn_tasks_are_the_same_for_the_same_seed_and_in_the_suites_order(tmp_path: Path) -> None:
    first, again, other = [
        [
            task.task
            for task in (await Bench(tmp_path, evaluation(RIGHT, tasks=7, seed=seed)).job().run()).tasks
        ]
        for seed in (1, 1, 2)
    ]
    assert len(first) == 7
    assert first == again
    assert first != other
    assert first == sorted(first)


async def test_equal_evaluations_have_equal_results(tmp_path: Path) -> None:
    results = [
        result_to_proto(await Bench(tmp_path / home, evaluation(WRONG, SHORT)).job().run())
        for home in ("here", "there")
    ]
    assert results[0] == results[1]


async def test_a_workflow_that_ends_without_an_answer_earns_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path, evaluation(RIGHT), interpreter=ScriptedInterpreter(lambda workflow, task: None))
    result = await bench.job().run()
    message = result_to_proto(result).workflows[0]
    assert (message.reward.mean, message.missing) == (0, 0)
    assert all(task.HasField("reward") and task.answer == "" for task in message.tasks)


async def test_what_the_infrastructure_fails_to_give_is_missing_and_never_zero(tmp_path: Path) -> None:
    interpreter = ScriptedInterpreter(failures=lambda workflow, task: 99 if task.id == "t1001" else 0)
    bench = Bench(tmp_path, evaluation(RIGHT, SHORT), interpreter=interpreter)
    job = bench.job()
    result = await job.run()
    first, second, reference = result_to_proto(result).workflows
    assert (first.missing, second.missing, reference.missing) == (1, 1, 0)
    assert (first.reward.mean, first.valid_plan_rate.mean) == (1, 1)
    assert [task.task for task in first.tasks if not task.HasField("reward")] == ["t1001"]
    assert first.metrics[0].tasks == TASKS - 1
    assert job.ledger.missing == 2


class AwayFor(PlanScorer):
    """A scorer that is away for one task."""

    async def score(self, answers: Sequence[tuple[str, Task]]) -> list[Score]:
        if any(task.id == "t1002" for _, task in answers):
            raise CallFailed("no scorer for this one")
        return await super().score(answers)


async def test_a_reference_plan_that_cannot_be_scored_is_missing_too(tmp_path: Path) -> None:
    bench = Bench(tmp_path, evaluation(RIGHT), scorer=AwayFor())
    job = bench.job()
    result = await job.run()
    assert [found.missing for found in result.workflows] == [1, 1]
    assert job.ledger.missing == 2


async def test_a_service_that_is_away_for_a_whole_batch_is_waited_for(tmp_path: Path) -> None:
    down = True
    interpreter = ScriptedInterpreter(failures=lambda workflow, task: 99 if down else 0)
    bench = Bench(tmp_path, evaluation(RIGHT), interpreter=interpreter)
    with pytest.raises(CallFailed):
        await bench.job().run()
    assert bench.journal.reports == []
    down = False
    assert (await bench.job().run()).workflows[0].missing == 0


async def test_a_workflow_that_could_never_be_measured_ends_the_run(tmp_path: Path) -> None:
    interpreter = ScriptedInterpreter(
        failures=lambda workflow, task: 99 if workflow.text[-5:] == SHORT else 0
    )
    bench = Bench(tmp_path, evaluation(WRONG, SHORT), interpreter=interpreter)
    with pytest.raises(Unavailable, match="w1 could not be measured") as caught:
        await bench.job().run()
    # A failed call alone would have the run done again.
    assert not isinstance(caught.value, CallFailed)


async def test_a_budget_that_cannot_last_is_refused_before_anything_is_spent(tmp_path: Path) -> None:
    bench = Bench(tmp_path, evaluation(RIGHT, SHORT, budget=Budget(max_executions=2 * TASKS - 1)))
    with pytest.raises(BudgetSpent, match=f"raise budget.max_executions to {2 * TASKS} or more"):
        await bench.job().run()
    assert not bench.interpreter.calls


async def test_a_budget_that_is_refused_opens_no_test_split(tmp_path: Path) -> None:
    bench = Bench(tmp_path, evaluation(RIGHT, split=Split.TEST, budget=Budget(max_executions=1)))
    with pytest.raises(BudgetSpent):
        await bench.job().run()
    assert bench.journal.openings == []


async def test_a_budget_that_just_lasts_is_enough(tmp_path: Path) -> None:
    bench = Bench(tmp_path, evaluation(RIGHT, SHORT, budget=Budget(max_executions=2 * TASKS)))
    await bench.job().run()


async def test_a_spent_budget_ends_the_run_and_keeps_what_was_committed(tmp_path: Path) -> None:
    calls = COST.calls * TASKS
    bench = Bench(tmp_path, evaluation(RIGHT, SHORT, budget=Budget(max_llm_calls=calls)))
    with pytest.raises(BudgetSpent, match="max_llm_calls"):
        await bench.job().run()
    assert bench.journal.reports
    assert bench.journal.reports[-1].ledger.executions < 2 * TASKS


class Flaky(ArtifactStore):
    """A store of which every other write fails."""

    writes = 0

    def put(self, data: bytes) -> str:
        self.writes += 1
        if self.writes % 2:
            raise Unavailable("the artifact store cannot be written")
        return super().put(data)


async def test_an_artifact_store_that_is_away_is_waited_for(tmp_path: Path) -> None:
    calm = await Bench(tmp_path / "calm", evaluation(RIGHT, SHORT)).job().run()
    bench = Bench(tmp_path / "flaky", evaluation(RIGHT, SHORT), store=Flaky)
    assert result_to_proto(await bench.job().run()) == result_to_proto(calm)


async def test_the_page_is_an_artifact(tmp_path: Path) -> None:
    bench = Bench(tmp_path, evaluation(RIGHT), suite=suite(validation=3))
    result = await bench.job().run()
    assert bench.artifacts.get(result.page).startswith(b"<!DOCTYPE html>")
    assert replace(result, page="") != result
