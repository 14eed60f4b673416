"""The end of a run: what is chosen before the test is opened, and what is measured after."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from autoflow.errors import FailedPrecondition
from autoflow.suites import Split, Task, stratified
from autoflow_worker.checkpoint import State
from autoflow_worker.job import found
from autoflow_worker.ledger import Budget, BudgetSpent
from autoflow_worker.ports import CallFailed, Workflow
from autoflow_worker.report import Ending, reserve
from autoflow_worker.results import Result
from autoflow_worker.seeds import Purpose, derive
from autoflow_worker.spec import Comparator, RunSpec, TestPlan
from tests.worker.doubles import (
    Notebook,
    PlanScorer,
    ScriptedInterpreter,
    answering,
    context,
    publisher,
    run_spec,
    suite,
    workflow,
)
from tests.worker.scripted_generator import ScriptedGenerator

TRAINED = "sha256:" + "a" * 64
SUITE = suite(train=6, validation=5, test=8)
TEST = SUITE.tasks(Split.TEST)
HALF = workflow("Alpha, Gamma")
PLAN = TestPlan(
    comparators=(Comparator("baseline", HALF), Comparator("poor", workflow("Gamma"))),
    control_samples=10,
    policy_samples=6,
    policy_tasks=3,
)


def write(seed: int, adapter: str) -> str | None:
    """The trained policy is right; the untrained one is half right or invalid, and once nearly right."""
    if adapter == TRAINED:
        return "Alpha, Beta"
    if seed == derive(0, Purpose.CONTROL) + 7:
        return "Alpha, Beta, Gamma"
    return None if seed % 2 else "Alpha, Gamma"


class End:
    """The end of one run, over doubles."""

    def __init__(
        self,
        spec: RunSpec,
        *,
        seen: Sequence[Workflow] = (HALF, workflow("Alpha, Beta")),
        interpreter: ScriptedInterpreter | None = None,
        write: Callable[[int, str], str | None] = write,
    ) -> None:
        self.generator = ScriptedGenerator(write)
        self.interpreter = interpreter or ScriptedInterpreter()
        self.journal = Notebook()
        self.scorer = PlanScorer()
        self.context = context(spec, self.generator, self.interpreter, self.journal, tasks=SUITE)
        self.state = State(iteration=3, adapter=TRAINED, workflows=tuple(seen))

    async def go(self) -> Result:
        """Measures what was found, as the loop did, and ends the run."""
        tasks = self.context.training_tasks(0)
        await self.context.evaluator.evaluate([(workflow, tasks) for workflow in self.state.workflows])
        left_over = found(self.context, self.state)
        return await Ending(self.context, self.scorer, left_over, publisher(self.context)).run()


async def test_everything_that_was_asked_for_is_reported() -> None:
    end = End(run_spec(test=PLAN))
    result = await end.go()
    assert [report.name for report in result.reports] == ["baseline", "poor", "control", "best"]
    assert [report.reward.mean for report in result.reports] == pytest.approx([0.5, 0.0, 0.8, 1.0])
    assert [report.chosen_from for report in result.reports] == [0, 0, 10, 12]
    assert [report.tasks for report in result.reports] == [8] * 4
    assert [report.missing for report in result.reports] == [0] * 4
    assert [report.valid_plan_rate for report in result.reports] == [1.0] * 4
    # Rewarded by how plans look, both are the same.
    assert [report.plan_f1 for report in result.reports] == [report.reward for report in result.reports]
    assert result.winner == workflow("Alpha, Beta")
    assert result.winner_validation_mean == 1.0
    assert result.adapter == TRAINED
    assert result.ceiling == 1.0
    assert result.suite_digest == SUITE.digest


async def test_the_improvement_is_paired_and_over_the_first_comparator() -> None:
    improvement = (await End(run_spec(test=PLAN)).go()).improvement
    assert improvement is not None
    assert improvement.over == "baseline"
    assert improvement.absolute.mean == pytest.approx(0.5)
    assert (improvement.absolute.low, improvement.absolute.high) == pytest.approx((0.5, 0.5))
    assert improvement.relative == pytest.approx(1.0)


async def test_the_policy_is_measured_before_and_after_on_the_same_tasks() -> None:
    end = End(run_spec(test=PLAN))
    policy = (await end.go()).policy
    assert policy is not None
    assert (policy.samples, policy.tasks) == (6, 3)
    # Half of the untrained policy's samples are invalid, the other half are half right.
    assert policy.before.mean == pytest.approx(0.25)
    assert policy.before.low < 0.25 < policy.before.high
    assert policy.after.mean == 1.0
    assert policy.valid_workflow_rate == 0.75
    assert policy.truncated == 3
    counts = [(count, adapter) for count, _, adapter in end.generator.requests]
    assert counts == [(10, ""), (6, ""), (6, TRAINED)]
    # Fresh samples, each with seeds of its own purpose.
    assert len({seed for _, seed, _ in end.generator.requests}) == 3


async def test_the_policy_tasks_are_the_same_in_every_run() -> None:
    def measured(end: End) -> set[str]:
        text = workflow("Alpha, Beta, Beta").text
        return {task for source, task in end.interpreter.calls if source == text}

    def only_after(seed: int, adapter: str) -> str | None:
        return "Alpha, Beta, Beta" if adapter == TRAINED else None

    plan = TestPlan(policy_samples=2, policy_tasks=3)
    first, second = (End(run_spec(seed=seed, test=plan), write=only_after) for seed in (1, 2))
    await first.go()
    await second.go()
    assert measured(first) == measured(second) == {task.id for task in stratified(TEST, 3, 0)}


async def test_nothing_of_the_test_split_is_touched_before_it_is_opened() -> None:
    touched: list[bool] = []

    def answer(workflow: Workflow, task: Task) -> str:
        touched.append(bool(end.journal.openings) or task not in TEST)
        return answering(workflow, task)

    end = End(run_spec(test=PLAN), interpreter=ScriptedInterpreter(answer))
    result = await end.go()
    assert touched
    assert all(touched)
    assert end.journal.openings == [SUITE.digest]
    assert result.test_openings == 1


async def test_the_winner_is_chosen_on_validation_not_on_training_tasks() -> None:
    flatterer, honest = workflow("Alpha, Beta, Gamma, Delta"), workflow("Alpha, Beta, Gamma")

    def answer(workflow: Workflow, task: object) -> str:
        if workflow == flatterer:
            return "Alpha, Beta" if task in SUITE.tasks(Split.TRAIN) else "Gamma"
        return answering(workflow, TEST[0])

    end = End(run_spec(), seen=[flatterer, honest], interpreter=ScriptedInterpreter(answer))
    result = await end.go()
    assert result.winner == honest
    assert result.winner_validation_mean == pytest.approx(0.8)


async def test_the_control_is_measured_on_the_tasks_of_the_runs_own_iterations() -> None:
    end = End(run_spec(test=TestPlan(control_samples=8)), write=lambda seed, adapter: f"Plan {seed}")
    await end.go()
    base = derive(0, Purpose.CONTROL)
    for index in range(8):
        tasks = {
            task
            for text, task in end.interpreter.calls
            if text == workflow(f"Plan {base + index}").text and task.startswith("t") and len(task) < 3
        }
        # Four candidates an iteration.
        assert tasks == {task.id for task in end.context.training_tasks(index // 4)}


async def test_the_control_has_no_more_samples_than_the_run_drew() -> None:
    spec = run_spec(iterations=5, test=TestPlan(control_samples=64))
    end = End(spec)
    control, best = (await end.go()).reports
    # Five iterations were planned, three of four candidates were done.
    assert (control.chosen_from, best.chosen_from) == (12, 12)
    assert [count for count, _, _ in end.generator.requests] == [12]
    alone = reserve(run_spec(test=TestPlan(control_samples=1)), SUITE)
    # 19 samples more on 3 tasks, and 7 more of them among the finalists on 5.
    assert reserve(spec, SUITE) - alone == 19 * 3 + 7 * 5


async def test_without_a_plan_the_winner_alone_is_tested() -> None:
    end = End(run_spec())
    result = await end.go()
    assert [report.name for report in result.reports] == ["best"]
    assert result.policy is None
    assert result.improvement is None
    assert end.generator.requests == []


async def test_a_control_without_a_valid_workflow_is_left_out() -> None:
    end = End(run_spec(test=TestPlan(control_samples=4)), write=lambda seed, adapter: None)
    assert [report.name for report in (await end.go()).reports] == ["best"]


async def test_missing_cells_are_counted_and_leave_the_means_alone() -> None:
    interpreter = ScriptedInterpreter(
        failures=lambda workflow, task: 99 if task in TEST[:2] and workflow != HALF else 0
    )
    result = await End(run_spec(test=PLAN), interpreter=interpreter).go()
    best = result.reports[-1]
    assert (best.tasks, best.missing, best.reward.mean) == (6, 2, 1.0)
    assert result.improvement is not None
    # Pairs need both cells.
    assert result.improvement.absolute.mean == pytest.approx(0.5)


async def test_a_run_that_found_nothing_valid_fails_with_the_test_closed() -> None:
    end = End(run_spec(test=PLAN), seen=[])
    with pytest.raises(FailedPrecondition, match="no valid workflow"):
        await end.go()
    assert end.journal.openings == []


async def test_a_winner_that_cannot_be_measured_on_the_test_is_not_reported() -> None:
    interpreter = ScriptedInterpreter(failures=lambda workflow, task: 99 if task in TEST else 0)
    with pytest.raises(CallFailed, match="best"):
        await End(run_spec(), interpreter=interpreter).go()


async def test_a_budget_that_does_not_last_is_said() -> None:
    with pytest.raises(BudgetSpent):
        await End(run_spec(budget=Budget(max_executions=20))).go()


async def test_the_reserve_is_enough_for_the_end_when_nothing_repeats() -> None:
    drawn = iter(range(1000))
    spec = run_spec(test=PLAN)
    seen = [workflow(f"Found {index}") for index in range(20)]
    end = End(spec, seen=seen, write=lambda seed, adapter: f"Drawn {next(drawn)}")
    tasks = end.context.training_tasks(0)
    await end.context.evaluator.evaluate([(each, tasks) for each in seen])
    before = end.context.meter.ledger.executions
    await Ending(end.context, end.scorer, found(end.context, end.state), publisher(end.context)).run()
    spent = end.context.meter.ledger.executions - before
    # 10 controls on 3 tasks, 16 shortlisted and the incumbent on 5, 4 contestants on 8, 12 samples on 3.
    assert reserve(spec, SUITE) == 30 + 85 + 32 + 36
    assert spent == reserve(spec, SUITE)
