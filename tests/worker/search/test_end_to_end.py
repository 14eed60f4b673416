"""Whole searches over the real services: the embedded model writes, and a scripted one executes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from autoflow.convert import method_to_proto
from autoflow.llm import tiny
from autoflow.llm.base import Message
from autoflow.methods import Method
from autoflow.v1 import run_pb2, workflow_pb2
from autoflow_worker.assembly import work_on
from autoflow_worker.search import SEARCHES
from autoflow_worker.settings import WorkerSettings
from tests.trainer.harness import optimization
from tests.trainer.suites import parts
from tests.worker.doubles import Killed
from tests.worker.services import no_policy
from tests.worker.world import pick, world

BASELINE = "Step 1:::process:::Look at the task.:::next::Step 2\nStep 2:::terminal:::Name the models."


def say(messages: Sequence[Message]) -> str:
    """A tool of the suite, as its prompt lists it, or none; which, depends on the workflow."""
    asked = "".join(message.content for message in messages)
    plans = [name for name in ("Sentiment Analysis", "Image Captioning") if name in asked]
    return [*plans, "no plan"][pick(messages, [*plans, "no plan"])]


async def work(run: str, settings: WorkerSettings) -> None:
    """The worker's own work, without weights."""
    await work_on(run, settings, no_policy)


def small_run(method: str, suite: str) -> run_pb2.Run:
    """Three iterations and a short end."""
    run = optimization(seed=3, suite=suite, method=method_to_proto(Method(method)), iterations=3, tasks=2)
    run.optimization.candidates = 1 if method == "history" else 3
    run.optimization.test.control_samples = 2
    run.optimization.test.comparators.add(name="baseline", workflow=workflow_pb2.Workflow(source=BASELINE))
    return run


@pytest.mark.parametrize("method", SEARCHES)
async def test_a_search_finds_and_reports(method: str, tmp_path: Path) -> None:
    async with world(tiny.path(), tmp_path, say, work) as here:
        suite = (await here.trainer.client.trainer.create_suite(parts(), timeout=30)).suite
        run = await here.finished(small_run(method, suite.name))
    assert run.state == run_pb2.RUN_STATE_SUCCEEDED, run.error
    result = run.optimization_result
    assert [iteration.index for iteration in run.iterations] == [0, 1, 2]
    drawn = [candidate for iteration in run.iterations for candidate in iteration.candidates]
    assert {candidate.digest for candidate in drawn} >= {result.winner.digest}
    assert all(candidate.fate for candidate in drawn)
    assert result.reports[-1].chosen_from == len(drawn)
    assert [report.name for report in result.reports] == ["baseline", "control", "best"]
    assert not result.adapter
    assert not result.HasField("policy")
    # The later ones are made from earlier ones, unless nothing is.
    parents = {parent for candidate in drawn for parent in candidate.parents}
    assert bool(parents) == (method != "random")
    assert parents <= {candidate.digest for candidate in drawn}


async def test_another_worker_goes_on_where_one_died(tmp_path: Path) -> None:
    runs: list[run_pb2.Run] = []
    for mortal in (False, True):
        deaths: list[str] = []

        async def until_killed(
            run: str, settings: WorkerSettings, mortal: bool = mortal, deaths: list[str] = deaths
        ) -> None:
            working = asyncio.create_task(work(run, settings))
            if mortal and not deaths:
                await here.trainer.until(run, lambda run: len(run.iterations) >= 1)
                deaths.append(run)
                working.cancel()
                await asyncio.gather(working, return_exceptions=True)
                raise Killed
            await working

        async with world(tiny.path(), tmp_path / str(mortal), say, until_killed) as here:
            suite = (await here.trainer.client.trainer.create_suite(parts(), timeout=30)).suite
            runs.append(await here.finished(small_run("reflective", suite.name)))
    whole, parted = runs
    assert parted.state == run_pb2.RUN_STATE_SUCCEEDED, parted.error
    assert [list(each.candidates) for each in parted.iterations] == [
        list(each.candidates) for each in whole.iterations
    ]
    assert parted.optimization_result.winner == whole.optimization_result.winner
    assert parted.ledger.executions == whole.ledger.executions
