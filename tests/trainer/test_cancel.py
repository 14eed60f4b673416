"""Stopping runs: before, while and after a worker has them."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoflow.client import errors
from autoflow.testing.launcher import CoroutineLauncher
from autoflow.v1 import run_pb2
from tests.trainer.harness import Workers, trainer
from tests.trainer.hold import Hold, iteration


async def test_a_waiting_run_stops_at_once(tmp_path: Path) -> None:
    workers = Workers()
    launcher = CoroutineLauncher(workers.work)
    async with trainer(tmp_path, launcher, max_running_runs=1) as service:
        first, waiting, last = [await service.create() for _ in range(3)]
        _, token, dismissed = await workers.next()
        cancelled = await service.cancel(waiting.name)
        assert cancelled.state == run_pb2.RUN_STATE_CANCELLED
        assert cancelled.HasField("end_time")
        assert not cancelled.HasField("start_time")
        async with service.worker(token) as client:
            hold = Hold(client, first.name)
            await hold.lease()
            await hold.succeed()
        dismissed.set()
        # The place goes to the run after it, and no worker is ever started for it.
        assert (await workers.next())[0] == last.name
        assert [run for run, _ in launcher.launches] == [first.name, last.name]


async def test_a_launched_run_that_no_worker_took_stops_at_once(tmp_path: Path) -> None:
    workers = Workers()
    async with trainer(tmp_path, CoroutineLauncher(workers.work), exit_grace=0) as service:
        created, waiting = await service.create(), await service.create()
        await workers.next()
        assert (await service.cancel(created.name)).state == run_pb2.RUN_STATE_CANCELLED
        # Its worker, which never asked, is killed: the place is free.
        assert (await workers.next())[0] == waiting.name


async def test_a_worker_is_told_and_what_it_committed_is_kept(tmp_path: Path) -> None:
    workers = Workers()
    async with trainer(tmp_path, CoroutineLauncher(workers.work)) as service:
        created = await service.create()
        _, token, _ = await workers.next()
        async with service.worker(token) as client:
            hold = Hold(client, created.name)
            await hold.lease()
            assert not await hold.heartbeat()
            assert (await service.cancel(created.name)).state == run_pb2.RUN_STATE_CANCELLING
            assert (await service.cancel(created.name)).state == run_pb2.RUN_STATE_CANCELLING
            await hold.commit(0)
            assert await hold.heartbeat()
            await hold.finish_cancelled()
        cancelled = await service.cancel(created.name)
        assert cancelled.state == run_pb2.RUN_STATE_CANCELLED
        assert list(cancelled.iterations) == [iteration(0)]
        assert cancelled.ledger.executions == 99


async def test_a_worker_does_not_cancel_by_itself(tmp_path: Path) -> None:
    workers = Workers()
    async with trainer(tmp_path, CoroutineLauncher(workers.work)) as service:
        created = await service.create()
        _, token, _ = await workers.next()
        async with service.worker(token) as client:
            hold = Hold(client, created.name)
            await hold.lease()
            with pytest.raises(errors.FailedPrecondition):
                await hold.finish_cancelled()
        assert (await service.get(created.name)).state == run_pb2.RUN_STATE_RUNNING


async def test_a_run_that_ends_before_it_notices_keeps_its_result(tmp_path: Path) -> None:
    workers = Workers()
    async with trainer(tmp_path, CoroutineLauncher(workers.work)) as service:
        created = await service.create()
        _, token, _ = await workers.next()
        async with service.worker(token) as client:
            hold = Hold(client, created.name)
            await hold.lease()
            await service.cancel(created.name)
            await hold.succeed()
        assert (await service.cancel(created.name)).state == run_pb2.RUN_STATE_SUCCEEDED


async def test_a_worker_that_does_not_stop_is_killed(tmp_path: Path) -> None:
    workers = Workers()
    async with trainer(tmp_path, CoroutineLauncher(workers.work), cancel_grace=0.05) as service:
        created = await service.create()
        _, token, _ = await workers.next()
        async with service.worker(token) as client:
            await Hold(client, created.name).lease()
        await service.cancel(created.name)
        final = await service.until_final(created.name)
        assert final.state == run_pb2.RUN_STATE_CANCELLED
        assert not final.HasField("error")


async def test_a_worker_that_dies_while_it_is_to_stop_is_not_replaced(tmp_path: Path) -> None:
    workers = Workers()
    launcher = CoroutineLauncher(workers.work)
    async with trainer(tmp_path, launcher) as service:
        created = await service.create()
        _, token, dismissed = await workers.next()
        async with service.worker(token) as client:
            await Hold(client, created.name).lease()
        await service.cancel(created.name)
        dismissed.set()
        assert (await service.until_final(created.name)).state == run_pb2.RUN_STATE_CANCELLED
        assert len(launcher.launches) == 1
