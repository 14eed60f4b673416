"""The pages of evaluations, as callers download them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from autoflow.client import errors as rpc
from autoflow.store.artifacts import ArtifactStore
from autoflow.testing.launcher import CoroutineLauncher
from autoflow.v1 import run_pb2, run_worker_service_pb2, task_pb2, trainer_service_pb2, workflow_pb2
from tests.trainer.harness import DEADLINE, WORKFLOW, Trainer, Workers, optimization, trainer
from tests.trainer.hold import Hold

PAGE = b"<!DOCTYPE html>" + bytes(range(256)) * 32_000
"""Larger than what is under way between server and client at a time."""
GONE = "sha256:" + "0" * 64


def evaluation(*names: str, source: str = WORKFLOW) -> run_pb2.Run:
    """An evaluation of workflows of these names."""
    run = run_pb2.Run()
    run.evaluation.suite = "planning"
    run.evaluation.split = task_pb2.SPLIT_VALIDATION
    run.evaluation.interpreter.model = "embedded"
    for name in names or ("mine",):
        run.evaluation.workflows.add(name=name, workflow=workflow_pb2.Workflow(source=source))
    return run


@asynccontextmanager
async def service(folder: Path) -> AsyncIterator[tuple[Trainer, Workers]]:
    workers = Workers()
    async with trainer(folder, CoroutineLauncher(workers.work)) as running:
        yield running, workers


async def finished(running: Trainer, workers: Workers, page: str) -> str:
    """An evaluation that has succeeded with this page."""
    created = await running.create(evaluation())
    name, token, dismissed = await workers.next()
    assert name == created.name
    async with running.worker(token) as worker:
        lease = await worker.lease_run(run_worker_service_pb2.LeaseRunRequest(run=name))
        await worker.finish_run(
            run_worker_service_pb2.FinishRunRequest(
                run=name,
                fencing_token=lease.fencing_token,
                ledger=run_pb2.Ledger(),
                evaluation_result=run_pb2.EvaluationResult(
                    workflows=[run_pb2.WorkflowEvaluation(name="mine")], page=page
                ),
            )
        )
    dismissed.set()
    return name


async def download(running: Trainer, name: str) -> list[bytes]:
    request = trainer_service_pb2.DownloadReportRequest(name=name)
    async with aclosing(running.client.trainer.download_report(request)) as chunks:
        return [chunk.chunk async for chunk in chunks]


async def test_a_page_comes_in_pieces(tmp_path: Path) -> None:
    page = ArtifactStore(str(tmp_path / "artifacts")).put(PAGE)
    async with service(tmp_path) as (running, workers):
        name = await finished(running, workers, page)
        chunks = await download(running, name)
        found = await running.get(name)
    assert len(chunks) > 1
    assert b"".join(chunks) == PAGE
    assert found.evaluation_result.page == page
    assert found.WhichOneof("outcome") == "evaluation_result"


async def test_a_stream_that_is_left_early_harms_nobody(tmp_path: Path) -> None:
    page = ArtifactStore(str(tmp_path / "artifacts")).put(PAGE)
    async with service(tmp_path) as (running, workers):
        name = await finished(running, workers, page)
        request = trainer_service_pb2.DownloadReportRequest(name=name)
        async with aclosing(running.client.trainer.download_report(request)) as chunks:
            assert PAGE.startswith((await anext(chunks)).chunk)
        async with asyncio.timeout(DEADLINE):
            assert b"".join(await download(running, name)) == PAGE


async def test_only_an_evaluation_that_succeeded_has_a_page(tmp_path: Path) -> None:
    async with service(tmp_path) as (running, workers):
        pending = (await running.create(evaluation())).name
        await workers.next()
        learning = (await running.create(optimization())).name
        for name in (pending, learning):
            with pytest.raises(rpc.FailedPrecondition):
                await download(running, name)
        with pytest.raises(rpc.NotFound):
            await download(running, "runs/none")
        with pytest.raises(rpc.InvalidArgument):
            await download(running, "none")


async def test_a_page_that_is_gone_or_damaged_is_lost_data(tmp_path: Path) -> None:
    store = tmp_path / "artifacts"
    page = ArtifactStore(str(store)).put(PAGE)
    async with service(tmp_path) as (running, workers):
        name = await finished(running, workers, page)
        (path,) = (file for file in store.rglob("*") if file.is_file())
        path.write_bytes(b"another")
        with pytest.raises(rpc.DataLoss):
            await download(running, name)
        path.unlink()
        with pytest.raises(rpc.DataLoss):
            await download(running, name)


async def test_an_evaluation_is_kept_as_it_was_asked_for(tmp_path: Path) -> None:
    wanted = evaluation("mine", "yours")
    wanted.evaluation.tasks = 5
    wanted.budget.max_tokens = 7
    wanted.evaluation.workflows[0].workflow.digest = "made up"
    async with service(tmp_path) as (running, _):
        created = await running.create(wanted)
        listed = await running.client.trainer.list_runs(trainer_service_pb2.ListRunsRequest())
    assert created.evaluation.tasks == 5
    assert created.budget == wanted.budget
    assert [item.name for item in created.evaluation.workflows] == ["mine", "yours"]
    assert created.evaluation.workflows[0].workflow == workflow_pb2.Workflow(source=WORKFLOW)
    assert listed.runs[0].evaluation == created.evaluation


async def test_a_list_has_no_results(tmp_path: Path) -> None:
    async with service(tmp_path) as (running, workers):
        await finished(running, workers, GONE)
        listed = await running.client.trainer.list_runs(trainer_service_pb2.ListRunsRequest())
    assert listed.runs[0].state == run_pb2.RUN_STATE_SUCCEEDED
    assert listed.runs[0].WhichOneof("outcome") is None


async def test_a_result_of_another_kind_is_refused(tmp_path: Path) -> None:
    async with service(tmp_path) as (running, workers):
        name = (await running.create(evaluation())).name
        _, token, _ = await workers.next()
        async with running.worker(token) as worker:
            hold = Hold(worker, name)
            await hold.lease()
            with pytest.raises(rpc.InvalidArgument):
                await hold.succeed()
        assert (await running.get(name)).state == run_pb2.RUN_STATE_RUNNING


async def test_workflows_that_cannot_be_measured_are_refused(tmp_path: Path) -> None:
    async with service(tmp_path) as (running, _):
        with pytest.raises(rpc.InvalidArgument, match=r"run.evaluation.workflows\[1\].name"):
            await running.create(evaluation("mine", "mine"))
        with pytest.raises(rpc.InvalidArgument, match=r"run.evaluation.workflows\[0\].workflow.source"):
            await running.create(evaluation(source="Step 1:::process:::Go.:::next::Step 9"))
        unknown = evaluation()
        unknown.evaluation.suite = "unheard-of"
        with pytest.raises(rpc.NotFound):
            await running.create(unknown)
