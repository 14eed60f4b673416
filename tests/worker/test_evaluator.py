"""Cells: filled once, missing where the infrastructure failed, and paid for exactly."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from autoflow.client import Client
from autoflow.errors import DeadlineExceeded, NotFound
from autoflow.suites import Split, Task
from autoflow.testing import serving
from autoflow.testing.interpreters import ScriptedInterpreter as InterpreterService
from autoflow.v1 import interpreter_service_pb2, model_pb2
from autoflow_worker.concurrency import Retry
from autoflow_worker.evaluator import Assignment, Evaluator, Row, mean_reward
from autoflow_worker.ledger import Budget, BudgetSpent, Meter
from autoflow_worker.ports import CallFailed, Score, Workflow
from autoflow_worker.remote_interpreter import RemoteInterpreter
from tests.worker.doubles import COST, IMPATIENT, PlanScorer, ScriptedInterpreter, suite, workflow

TASKS = suite().tasks(Split.TRAIN)[:3]
RIGHT, HALF, WRONG = workflow("Alpha, Beta"), workflow("Alpha, Gamma"), workflow("no plan")


def on(tasks: Sequence[Task], *workflows: Workflow | None) -> list[Assignment]:
    """All workflows on all tasks."""
    return [(workflow, tasks) for workflow in workflows]


def rewards(rows: list[Row]) -> list[list[float | None]]:
    return [[None if score is None else score.reward for score in row] for row in rows]


async def test_every_workflow_is_measured_on_every_task() -> None:
    meter, scorer = Meter(Budget()), PlanScorer()
    evaluator = Evaluator(ScriptedInterpreter(), scorer, meter)
    rows = await evaluator.evaluate(on(TASKS, RIGHT, HALF, WRONG))
    assert rewards(rows) == [[1.0] * 3, [0.5] * 3, [0.0] * 3]
    assert [row[0].plan_valid for row in rows if row[0]] == [True, True, False]
    assert scorer.calls == [9]
    assert meter.ledger.executions == 9
    assert meter.ledger.usage.calls == 9 * COST.calls
    assert (meter.ledger.cache_hits, meter.ledger.missing) == (0, 0)


async def test_each_workflow_may_have_tasks_of_its_own() -> None:
    meter = Meter(Budget())
    evaluator = Evaluator(ScriptedInterpreter(), PlanScorer(), meter)
    rows = await evaluator.evaluate(
        [(RIGHT, TASKS[:1]), (HALF, TASKS[1:]), (None, TASKS), (RIGHT, TASKS[:2])]
    )
    assert rewards(rows) == [[1.0], [0.5, 0.5], [0.0] * 3, [1.0, 1.0]]
    assert (meter.ledger.executions, meter.ledger.cache_hits) == (4, 1)


async def test_an_invalid_workflow_is_0_without_an_execution() -> None:
    interpreter, meter = ScriptedInterpreter(), Meter(Budget())
    rows = await Evaluator(interpreter, PlanScorer(), meter).evaluate(on(TASKS, None, RIGHT))
    assert rewards(rows) == [[0.0] * 3, [1.0] * 3]
    assert sum(interpreter.calls.values()) == 3
    assert meter.ledger.executions == 3


async def test_an_execution_without_an_answer_is_0_and_is_not_scored() -> None:
    scorer = PlanScorer()
    evaluator = Evaluator(
        ScriptedInterpreter(lambda workflow, task: None if task is TASKS[1] else "Alpha, Beta"),
        scorer,
        Meter(Budget()),
    )
    assert rewards(await evaluator.evaluate(on(TASKS, RIGHT))) == [[1.0, 0.0, 1.0]]
    assert scorer.calls == [2]


async def test_what_is_known_is_not_paid_for_again() -> None:
    interpreter, meter = ScriptedInterpreter(), Meter(Budget())
    evaluator = Evaluator(interpreter, PlanScorer(), meter)
    await evaluator.evaluate(on(TASKS[:2], RIGHT))
    # Of six valid cells two are known, one workflow's three cells repeat those of the first.
    rows = await evaluator.evaluate(on(TASKS, RIGHT, None, RIGHT))
    assert rewards(rows) == [[1.0] * 3, [0.0] * 3, [1.0] * 3]
    assert sum(interpreter.calls.values()) == 3
    assert (meter.ledger.executions, meter.ledger.cache_hits) == (3, 5)


async def test_workflows_of_equal_digest_share_their_results() -> None:
    interpreter = ScriptedInterpreter()
    twin = type(RIGHT)(RIGHT.text + "\n", RIGHT.digest)
    await Evaluator(interpreter, PlanScorer(), Meter(Budget())).evaluate(on(TASKS, RIGHT, twin))
    assert sum(interpreter.calls.values()) == 3


async def test_a_call_that_fails_is_made_again_and_a_lost_one_is_missing_not_0() -> None:
    def failures(workflow: Workflow, task: Task) -> int:
        return {TASKS[0]: 0, TASKS[1]: 2, TASKS[2]: 99}[task]

    interpreter, meter = ScriptedInterpreter(failures=failures), Meter(Budget())
    evaluator = Evaluator(interpreter, PlanScorer(), meter, retry=IMPATIENT)
    rows = await evaluator.evaluate(on(TASKS, RIGHT, RIGHT))
    assert rewards(rows) == [[1.0, 1.0, None]] * 2
    assert mean_reward(rows[0]) == 1.0
    assert [interpreter.calls[RIGHT.text, task.id] for task in TASKS] == [1, 3, 3]
    # Only what came to an end was paid; the lost cell is missing in both rows.
    assert (meter.ledger.executions, meter.ledger.missing, meter.ledger.cache_hits) == (2, 2, 2)


async def test_a_missing_cell_is_tried_again_when_it_is_wanted_again() -> None:
    interpreter = ScriptedInterpreter(failures=lambda workflow, task: 3 if task is TASKS[0] else 0)
    meter = Meter(Budget())
    evaluator = Evaluator(interpreter, PlanScorer(), meter, retry=IMPATIENT)
    assert rewards(await evaluator.evaluate(on(TASKS, RIGHT))) == [[None, 1.0, 1.0]]
    assert rewards(await evaluator.evaluate(on(TASKS, RIGHT))) == [[1.0, 1.0, 1.0]]
    assert (meter.ledger.executions, meter.ledger.missing) == (3, 1)


async def test_answers_that_could_not_be_scored_are_missing() -> None:
    meter = Meter(Budget())
    evaluator = Evaluator(
        ScriptedInterpreter(), PlanScorer(fails_on=TASKS[0]), meter, retry=IMPATIENT, score_batch=2
    )
    # The first batch of two cannot be scored, the second is.
    assert rewards(await evaluator.evaluate(on(TASKS, RIGHT))) == [[None, None, 1.0]]
    assert (meter.ledger.executions, meter.ledger.missing) == (3, 2)


async def test_a_row_without_cells_has_no_mean() -> None:
    assert mean_reward((None, None)) is None
    assert mean_reward((None, Score(True, 0.5), Score(True, 1.0))) == 0.75


async def test_the_budget_is_asked_before_each_execution() -> None:
    interpreter, meter = ScriptedInterpreter(), Meter(Budget(max_executions=4))
    evaluator = Evaluator(interpreter, PlanScorer(), meter)
    with pytest.raises(BudgetSpent):
        await evaluator.evaluate(on(TASKS, RIGHT, HALF))
    assert sum(interpreter.calls.values()) <= 4
    assert meter.ledger.executions <= 4
    # Those that were cancelled are no longer in flight: what is left of the budget can be used.
    left = 4 - meter.ledger.executions
    for _ in range(left):
        meter.admit_execution()
    with pytest.raises(BudgetSpent):
        meter.admit_execution()


async def test_no_more_executions_are_in_flight_than_allowed() -> None:
    interpreter = ScriptedInterpreter()
    evaluator = Evaluator(interpreter, PlanScorer(), Meter(Budget()), concurrency=2)
    await evaluator.evaluate(on(TASKS, RIGHT, HALF, WRONG))
    assert interpreter.most_in_flight == 2
    wide = ScriptedInterpreter()
    await Evaluator(wide, PlanScorer(), Meter(Budget())).evaluate(on(TASKS, RIGHT, HALF, WRONG))
    assert wide.most_in_flight == 9


async def test_it_says_how_far_it_is() -> None:
    seen: list[tuple[int, int]] = []
    evaluator = Evaluator(ScriptedInterpreter(), PlanScorer(), Meter(Budget()))
    await evaluator.evaluate(
        on(TASKS, RIGHT, None), on_progress=lambda done, total: seen.append((done, total))
    )
    assert seen == [(1, 3), (2, 3), (3, 3)]


async def test_the_cache_outlives_the_worker_but_not_a_change_of_interpreter() -> None:
    first = Evaluator(ScriptedInterpreter(), PlanScorer(), Meter(Budget()))
    await first.evaluate(on(TASKS, RIGHT, HALF))
    state = json.loads(json.dumps(first.cache.state()))

    same = ScriptedInterpreter()
    second = Evaluator(same, PlanScorer(), Meter(Budget()))
    second.cache.load(state)
    assert rewards(await second.evaluate(on(TASKS, RIGHT, HALF))) == [[1.0] * 3, [0.5] * 3]
    assert not same.calls

    other = ScriptedInterpreter()
    other.identity = "another model"
    third = Evaluator(other, PlanScorer(), Meter(Budget()))
    third.cache.load(state)
    await third.evaluate(on(TASKS, RIGHT))
    assert sum(other.calls.values()) == 3


def finished(
    outcome: interpreter_service_pb2.ExecutionOutcome.ValueType, answer: str = ""
) -> interpreter_service_pb2.ExecutionFinished:
    usage = model_pb2.TokenUsage(llm_calls=5, prompt_tokens=50, completion_tokens=7)
    return interpreter_service_pb2.ExecutionFinished(outcome=outcome, answer=answer, usage=usage)


async def test_over_the_wire_failed_calls_are_missing_and_limits_are_told_apart() -> None:
    attempts = 0

    def script(
        request: interpreter_service_pb2.ExecuteWorkflowRequest,
    ) -> interpreter_service_pb2.ExecutionFinished:
        nonlocal attempts
        match request.query:
            case "Task 0?":
                return finished(interpreter_service_pb2.EXECUTION_OUTCOME_ANSWERED, "Alpha, Beta")
            case "Task 1?":
                return finished(interpreter_service_pb2.EXECUTION_OUTCOME_STEP_LIMIT)
            case "Task 2?":
                return finished(interpreter_service_pb2.EXECUTION_OUTCOME_TIME_LIMIT)
            case "Task 3?":
                attempts += 1
                if attempts < 3:
                    raise DeadlineExceeded("busy")
                return finished(interpreter_service_pb2.EXECUTION_OUTCOME_ANSWERED, "Alpha, Beta")
            case _:
                raise RuntimeError("a fault of the service")

    service, meter = InterpreterService(script), Meter(Budget())
    doubles = suite()
    async with serving(service.service) as address, Client(interpreter=address) as client:
        interpreter = RemoteInterpreter(client.interpreter, "embedded", "", doubles)
        evaluator = Evaluator(interpreter, PlanScorer(), meter, retry=IMPATIENT)
        rows = await evaluator.evaluate(on(doubles.tasks(Split.TRAIN)[:5], RIGHT))
    assert rewards(rows) == [[1.0, 0.0, None, 1.0, None]]
    assert attempts == 3
    # One each for tasks 0 and 1, two for the one that runs out of time, three each for the others.
    assert len(service.requests) == 10
    assert {request.workflow.source for request in service.requests} == {RIGHT.text}
    assert {request.model.model for request in service.requests} == {"embedded"}
    assert (meter.ledger.executions, meter.ledger.missing) == (3, 2)
    # What ran out of time was paid all the same.
    assert meter.ledger.usage.calls == 15 + 2 * 5


async def test_over_the_wire_an_unknown_model_ends_the_run() -> None:
    def script(
        request: interpreter_service_pb2.ExecuteWorkflowRequest,
    ) -> interpreter_service_pb2.ExecutionFinished:
        raise NotFound("no model is named 'embedded'")

    service = InterpreterService(script)
    async with serving(service.service) as address, Client(interpreter=address) as client:
        interpreter = RemoteInterpreter(client.interpreter, "embedded", "", suite())
        evaluator = Evaluator(interpreter, PlanScorer(), Meter(Budget()), retry=IMPATIENT)
        with pytest.raises(NotFound, match="no model is named"):
            await evaluator.evaluate(on(TASKS, RIGHT))


async def test_waits_grow_and_a_service_may_ask_for_longer_ones() -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    failures = [CallFailed("no"), CallFailed("no", retry_after=4.0), CallFailed("no", 99.0), CallFailed("no")]

    async def call() -> str:
        if failures:
            raise failures.pop(0)
        return "done"

    retry = Retry(attempts=5, first_wait=0.5, longest_wait=10.0, sleep=sleep)
    assert await retry.call(call) == "done"
    assert waits == [0.5, 4.0, 10.0, 10.0]
