"""A run on a suite that somebody created: its plans are executed, its tasks are what was sent."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from google.rpc import code_pb2

from autoflow.llm.base import Message
from autoflow.v1 import run_pb2
from autoflow.v1.task_pb2 import TaskSuite
from autoflow.v1.trainer_service_pb2 import GetSuiteRequest
from tests.trainer.harness import optimization
from tests.trainer.suites import parts
from tests.worker.services import World
from tests.worker.world import pick, small_model, world


def say(messages: Sequence[Message]) -> str:
    """A tool of the suite, as its prompt lists it, or none; which, depends on the workflow."""
    asked = "".join(message.content for message in messages)
    plans = [name for name in ("Sentiment Analysis", "Image Captioning") if name in asked]
    return [*plans, "no plan"][pick(messages, [*plans, "no plan"])]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model with random weights."""
    return small_model(tmp_path_factory.mktemp("model"))


async def created(here: World) -> TaskSuite:
    return (await here.trainer.client.trainer.create_suite(parts(), timeout=30)).suite


def small_run(suite: str) -> run_pb2.Run:
    """One iteration and a short end, with executed rewards."""
    run = optimization(seed=3, suite=suite, iterations=1, candidates=4, tasks=2)
    run.optimization.reward = run_pb2.REWARD_EXECUTED
    run.optimization.lora.rank = 2
    return run


async def test_a_run_learns_from_what_plans_make_of_ones_own_data(folder: Path, tmp_path: Path) -> None:
    async with world(folder, tmp_path, say, experts=True) as here:
        suite = await created(here)
        run = await here.finished(small_run(suite.name))
        assert run.state == run_pb2.RUN_STATE_SUCCEEDED, run.error
        assert run.optimization.suite == suite.name
        assert run.optimization_result.suite_digest == suite.digest
        assert [report.tasks for report in run.optimization_result.reports] == [2]
        # The right plan's outputs are worth something, though they are not the references.
        assert 0 < run.optimization_result.ceiling <= 1
        assert run.ledger.missing == 0
        request = GetSuiteRequest(name=suite.name)
        assert (await here.trainer.client.trainer.get_suite(request)).suite.test_openings == 1


async def test_a_run_whose_suite_is_gone_says_so(folder: Path, tmp_path: Path) -> None:
    async with world(folder, tmp_path, say) as here:
        suite = await created(here)
        shutil.rmtree(tmp_path / "artifacts")
        run = await here.finished(small_run(suite.name))
    assert run.state == run_pb2.RUN_STATE_FAILED
    assert run.error.code == code_pb2.DATA_LOSS
    assert f"the folder of {suite.name} is gone" in run.error.message
