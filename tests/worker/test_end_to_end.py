"""Whole runs over the real services, with a small generator of random weights that really learns."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from google.rpc import code_pb2

from autoflow.llm.base import Message
from autoflow.store.artifacts import ArtifactStore
from autoflow.suites import Split, load_suite
from autoflow.v1 import run_pb2, workflow_pb2
from autoflow_worker.assembly import work_on
from autoflow_worker.ports import Batch, Policy, Prompt, UpdateStats
from autoflow_worker.settings import WorkerSettings
from autoflow_worker.spec import RunSpec
from tests.trainer.harness import optimization
from tests.worker.doubles import IMPATIENT, Killed
from tests.worker.world import pick, policy_of, small_model, whole_run, world

SUITE = load_suite("planning")
TASKS = [task for split in Split for task in SUITE.tasks(split)]
BASELINE = "Step 1:::process:::Look at the task.:::next::Step 2\nStep 2:::terminal:::Name the models."


def say(messages: Sequence[Message]) -> str:
    """Plans that depend on workflow and task: half of them right."""
    asked = "".join(message.content for message in messages)
    plans = ("no plan", *(", ".join(task.accepted[0]) for task in TASKS if task.query in asked))
    return plans[pick(messages, plans)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model with random weights."""
    return small_model(tmp_path_factory.mktemp("model"))


class DyingPolicy:
    """A policy whose worker dies in the second update.

    Args:
        policy: what it is until then.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._updates = 0
        self.save = policy.save
        self.load = policy.load
        self.log_probs = policy.log_probs

    def update(self, prompt: Prompt, batches: Sequence[Batch], *, rate: float = 1.0) -> UpdateStats:
        """Learns, or dies."""
        self._updates += 1
        if self._updates == 2:
            raise Killed
        return self._policy.update(prompt, batches, rate=rate)


def small_run(method: run_pb2.Method.ValueType = run_pb2.METHOD_RLOO) -> run_pb2.Run:
    """Two iterations and a short end."""
    run = optimization(seed=3, method=method, iterations=2, candidates=4, tasks=4)
    run.optimization.lora.rank = 2
    return run


@pytest.fixture(scope="module")
def uninterrupted(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, float]]:
    """What a small run came to that one worker did from its start to its end."""
    home = tmp_path_factory.mktemp("uninterrupted")

    async def finished() -> run_pb2.Run:
        async with world(folder, home, say) as here:
            return await here.finished(small_run())

    return learned(asyncio.run(finished()), home)


def learned(run: run_pb2.Run, home: Path) -> list[tuple[str, float]]:
    """What every iteration came to: the digest of the weights alone, and the reward."""
    assert run.state == run_pb2.RUN_STATE_SUCCEEDED, run.error
    return [(_weights(iteration.adapter, home), iteration.reward_mean) for iteration in run.iterations]


def _weights(adapter: str, home: Path) -> str:
    with tempfile.TemporaryDirectory() as scratch:
        found = ArtifactStore(str(home / "artifacts")).fetch_folder(adapter, Path(scratch) / "adapter")
        return hashlib.sha256((found / "adapter_model.safetensors").read_bytes()).hexdigest()


async def test_a_run_learns_and_reports(folder: Path, tmp_path: Path) -> None:
    wanted = small_run()
    wanted.optimization.test.policy_samples, wanted.optimization.test.policy_tasks = 3, 2
    wanted.optimization.test.comparators.add(name="baseline", workflow=workflow_pb2.Workflow(source=BASELINE))
    async with world(folder, tmp_path, say) as here:
        run = await here.finished(wanted)
    assert run.state == run_pb2.RUN_STATE_SUCCEEDED, run.error
    assert [iteration.index for iteration in run.iterations] == [0, 1]
    assert not run.iterations[0].update_skipped
    assert len({iteration.adapter for iteration in run.iterations}) == 2
    assert run.optimization_result.adapter == run.iterations[-1].adapter
    assert [report.name for report in run.optimization_result.reports] == ["baseline", "best"]
    assert run.optimization_result.reports[-1].tasks == len(SUITE.tasks(Split.TEST))
    assert run.optimization_result.reports[-1].workflow == run.optimization_result.winner
    assert (run.optimization_result.policy.samples, run.optimization_result.policy.tasks) == (3, 2)
    assert run.optimization_result.ceiling == 1.0
    assert run.optimization_result.improvement.over == "baseline"
    assert run.optimization_result.test_openings == 1
    assert run.optimization_result.suite_digest == SUITE.digest
    assert run.ledger.missing == 0
    assert run.ledger.executions > 2 * len(SUITE.tasks(Split.TEST))
    assert run.ledger.usage.llm_calls > run.ledger.executions


async def test_another_worker_goes_on_where_one_died(
    folder: Path, tmp_path: Path, uninterrupted: list[tuple[str, float]]
) -> None:
    deaths: list[str] = []

    def mortal(spec: RunSpec) -> Policy:
        policy = policy_of(folder, spec)
        return policy if deaths else DyingPolicy(policy)

    async def work(run: str, settings: WorkerSettings) -> None:
        try:
            await work_on(run, settings, mortal)
        except Killed:
            deaths.append(run)
            raise

    async with world(folder, tmp_path, say, work) as here:
        run = await here.finished(small_run())
        assert len(here.launcher.launches) == 2
    assert deaths == [run.name]
    assert learned(run, tmp_path) == uninterrupted
    assert len(set(learned(run, tmp_path))) == 2


async def test_a_run_outlasts_a_generator_that_is_away_for_longer_than_calls_are_repeated(
    folder: Path, tmp_path: Path, uninterrupted: list[tuple[str, float]]
) -> None:
    workers: list[str] = []
    commits: list[int] = []

    async def work(run: str, settings: WorkerSettings) -> None:
        workers.append(run)
        commits.append(len((await here.trainer.get(run)).iterations))
        await whole_run(folder, replace(IMPATIENT, attempts=1))(run, settings)

    async with world(folder, tmp_path, say, work, away=lambda: len(workers) == 1) as here:
        run = await here.finished(small_run())
    # The second worker found the first one's iteration.
    assert commits == [0, 1]
    assert learned(run, tmp_path) == uninterrupted


async def test_a_run_that_ends_for_want_of_a_service_names_no_address(folder: Path, tmp_path: Path) -> None:
    async def work(run: str, settings: WorkerSettings) -> None:
        alone = replace(settings, generator_address="127.0.0.1:1")
        await whole_run(folder, replace(IMPATIENT, attempts=1))(run, alone)

    async with world(folder, tmp_path, say, work) as here:
        run = await here.finished(small_run())
        assert len(here.launcher.launches) == 2
    assert run.state == run_pb2.RUN_STATE_FAILED
    assert "the generator could not serve: UNAVAILABLE" in run.error.message
    assert "127.0.0.1" not in str(run.error)


async def test_a_cancelled_run_ends_soon_and_keeps_what_it_committed(folder: Path, tmp_path: Path) -> None:
    wanted = small_run()
    wanted.optimization.iterations = 1000
    async with world(folder, tmp_path, say) as here:
        created = await here.trainer.create(wanted)
        await here.trainer.until(created.name, lambda run: len(run.iterations) == 1)
        await here.trainer.cancel(created.name)
        run = await here.trainer.until_final(created.name)
    assert run.state == run_pb2.RUN_STATE_CANCELLED
    assert 1 <= len(run.iterations) < 1000


async def test_a_run_that_cannot_be_done_says_why(folder: Path, tmp_path: Path) -> None:
    wanted = small_run()
    wanted.optimization.interpreter.model = "unheard-of"
    async with world(folder, tmp_path, say) as here:
        run = await here.finished(wanted)
    assert run.state == run_pb2.RUN_STATE_FAILED
    assert run.error.code == code_pb2.NOT_FOUND
    assert "unheard-of" in run.error.message
