"""A budget in dollars binds, or the run is refused: what has no price can be drawn without end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from autoflow.llm import tiny
from autoflow.llm.base import Message
from autoflow.v1 import run_pb2, task_pb2, workflow_pb2
from autoflow_worker.assembly import work_on
from autoflow_worker.settings import WorkerSettings
from tests.trainer.harness import optimization
from tests.trainer.suites import parts
from tests.worker.world import world

WORKFLOW = "Step 1:::process:::Look at the task.:::next::Step 2\nStep 2:::terminal:::Name the models."


async def work(run: str, settings: WorkerSettings) -> None:
    """The worker's own work."""
    await work_on(run, settings)


def say(messages: Sequence[Message]) -> str:
    """What nobody gives a price for."""
    return "Sentiment Analysis"


def search(suite: str) -> run_pb2.Run:
    """A search that draws first."""
    return optimization(suite=suite, method=run_pb2.METHOD_RANDOM, iterations=1, tasks=1)


def evaluation(suite: str) -> run_pb2.Run:
    """An evaluation, which draws nothing."""
    run = run_pb2.Run()
    run.evaluation.suite = suite
    run.evaluation.split = task_pb2.SPLIT_VALIDATION
    run.evaluation.reward = run_pb2.REWARD_PLAN
    run.evaluation.interpreter.model = "embedded"
    run.evaluation.workflows.add(name="mine", workflow=workflow_pb2.Workflow(source=WORKFLOW))
    return run


@pytest.mark.parametrize("make", [search, evaluation])
async def test_dollars_of_a_model_without_prices_are_refused(
    make: Callable[[str], run_pb2.Run], tmp_path: Path
) -> None:
    async with world(tiny.path(), tmp_path, say, work) as here:
        suite = (await here.trainer.client.trainer.create_suite(parts(), timeout=30)).suite
        wanted = make(suite.name)
        wanted.budget.max_cost_usd = 1.0
        run = await here.finished(wanted)
    assert run.state == run_pb2.RUN_STATE_FAILED
    assert "no prices of the model 'embedded'" in run.error.message
    assert not run.ledger.executions
    assert not run.ledger.usage.llm_calls
