"""Whole evaluations over the real services, and one whose worker, a process, is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack, aclosing
from pathlib import Path

import pytest
from google.rpc import code_pb2

import autoflow_interpreter
import autoflow_scorer
from autoflow.llm.base import Message
from autoflow.suites import Split, load_suite
from autoflow.testing import ScriptedModel, catalogue_of, serving
from autoflow.v1 import run_pb2, task_pb2, trainer_service_pb2, workflow_pb2
from tests.trainer.harness import Trainer, trainer
from tests.worker import noting_worker
from tests.worker.world import small_model, world

SUITE = load_suite("planning")
PLANS = {task.query: ", ".join(task.accepted[0]) for split in Split for task in SUITE.tasks(split)}
RIGHT = "Step 1:::terminal:::Name the right models."
WRONG = "Step 1:::terminal:::Name any model."
ROOT = Path(__file__).resolve().parents[2]
COMMAND = f"{sys.executable} {noting_worker.__file__}"


def query_in(messages: Sequence[Message]) -> str:
    """The task that a prompt is about."""
    asked = "".join(message.content for message in messages)
    return max((query for query in PLANS if query in asked), key=len)


def answer(messages: Sequence[Message]) -> str:
    """The reference plan, or a plan that fits no task."""
    right = "right models" in "".join(message.content for message in messages)
    return PLANS[query_in(messages)] if right else "Mind Reading"


def evaluation(split: task_pb2.Split.ValueType = task_pb2.SPLIT_VALIDATION, **changes: int) -> run_pb2.Run:
    """An evaluation of a right and a wrong workflow."""
    run = run_pb2.Run()
    run.evaluation.suite = "planning"
    run.evaluation.split = split
    run.evaluation.interpreter.model = "embedded"
    for name, text in (("wrong", WRONG), ("right", RIGHT)):
        run.evaluation.workflows.add(name=name, workflow=workflow_pb2.Workflow(source=text))
    for name, value in changes.items():
        setattr(run.evaluation, name, value)
    return run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generator's model, which evaluations never ask."""
    return small_model(tmp_path_factory.mktemp("model"))


async def page_of(service: Trainer, name: str) -> bytes:
    request = trainer_service_pb2.DownloadReportRequest(name=name)
    async with aclosing(service.client.trainer.download_report(request)) as chunks:
        return b"".join([chunk.chunk async for chunk in chunks])


async def test_executed_plans_are_scored_and_shown(folder: Path, tmp_path: Path) -> None:
    wanted = evaluation(task_pb2.SPLIT_TEST, tasks=3, samples=1, seed=4)
    async with world(folder, tmp_path, answer, experts=True) as here:
        run = await here.finished(wanted)
        page = (await page_of(here.trainer, run.name)).decode()
    assert run.state == run_pb2.RUN_STATE_SUCCEEDED, run.error
    found = run.evaluation_result
    wrong, right, reference = found.workflows
    assert [workflow.name for workflow in found.workflows] == ["wrong", "right", "reference"]
    assert (wrong.reward.mean, wrong.valid_plan_rate.mean) == (0, 0)
    # The same plans as the reference, executed once for both.
    assert [task.reward for task in right.tasks] == [task.reward for task in reference.tasks]
    assert right.reward.mean > 0.4
    assert (right.valid_plan_rate.mean, right.plan_f1.mean) == (1, 1)
    assert right.improvement.over == "wrong"
    assert {task.metric for task in right.tasks} <= {"clip", "bertscore", "vit"}
    assert found.test_openings == 1
    assert found.suite_digest == SUITE.digest
    assert (run.ledger.executions, run.ledger.missing) == (6, 0)
    assert run.evaluation.workflows[1].workflow.source == RIGHT
    for task in SUITE.tasks(Split.TEST):
        assert (f"<code>{task.id}</code>" in page) == (task.id in {one.task for one in right.tasks})
    assert "Mind Reading" in page


async def test_a_budget_that_cannot_last_ends_the_run(folder: Path, tmp_path: Path) -> None:
    wanted = evaluation(tasks=5)
    wanted.budget.max_executions = 9
    async with world(folder, tmp_path, answer) as here:
        run = await here.finished(wanted)
    assert (run.state, run.error.code) == (run_pb2.RUN_STATE_FAILED, code_pb2.RESOURCE_EXHAUSTED)
    assert "raise budget.max_executions to 10 or more" in run.error.message
    assert run.ledger.executions == 0


async def test_a_model_that_is_not_there_ends_the_run_at_once_and_is_named(
    folder: Path, tmp_path: Path
) -> None:
    # Nothing else may be missing, such as tools to execute the reference plans with.
    wanted = evaluation(tasks=5, reward=run_pb2.REWARD_PLAN)
    wanted.evaluation.interpreter.model = "nonesuch"
    async with world(folder, tmp_path, answer) as here:
        run = await here.finished(wanted)
        assert len(here.launcher.launches) == 1
    assert (run.state, run.error.code) == (run_pb2.RUN_STATE_FAILED, code_pb2.NOT_FOUND)
    told = "the interpreter refuses: ExecuteWorkflow: no model is named 'nonesuch'; there are: embedded"
    assert run.error.message.startswith(told)


async def test_a_process_that_is_killed_between_commits_is_followed_and_nothing_is_paid_twice(
    tmp_path: Path,
) -> None:
    executed: Counter[str] = Counter()
    tasks = SUITE.tasks(Split.VALIDATION)
    first_batch = {task.query for task in tasks[: len(tasks) // 3]}
    gate = asyncio.Event()

    async def say(messages: Sequence[Message]) -> str:
        query = query_in(messages)
        if query not in first_batch:
            await gate.wait()
        executed[query] += 1
        return answer(messages)

    wanted = evaluation(reward=run_pb2.REWARD_PLAN)
    del wanted.evaluation.workflows[0]
    notes = tmp_path / "pids"
    async with AsyncExitStack() as stack:
        interpreter = autoflow_interpreter.build({}, catalogue_of(ScriptedModel(say, name="embedded")))
        service = await stack.enter_async_context(
            trainer(
                tmp_path,
                env={"NOTES": str(notes), "PYTHONPATH": str(ROOT)},
                worker_command=COMMAND,
                interpreter_address=await stack.enter_async_context(serving(interpreter)),
                scorer_address=await stack.enter_async_context(serving(autoflow_scorer.build({}))),
            )
        )
        name = (await service.create(wanted)).name
        await service.until(name, lambda run: len(run.iterations) == 1)
        os.kill(int(notes.read_text()), signal.SIGKILL)
        gate.set()
        run = await service.until_final(name)
        assert run.state == run_pb2.RUN_STATE_SUCCEEDED, run.error
        assert len(notes.read_text().split()) == 2
        assert b"<!DOCTYPE html>" in await page_of(service, name)
    assert [iteration.index for iteration in run.iterations] == [0, 1, 2]
    assert run.evaluation_result.workflows[0].reward.mean == 1
    assert run.ledger.executions == len(tasks)
    assert {executed[query] for query in first_batch} == {1}
