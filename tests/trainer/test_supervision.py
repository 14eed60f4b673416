"""Every run gets a worker, and another one when it loses it."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.rpc.code_pb2 import INTERNAL

from autoflow.client import errors
from autoflow.testing.launcher import CoroutineLauncher
from autoflow.v1 import run_pb2
from autoflow_trainer.launcher import LaunchFailed, Worker
from tests.trainer.harness import Workers, trainer
from tests.trainer.hold import Hold


class BrokenLauncher:
    """Cannot start anything."""

    def __init__(self) -> None:
        self.attempts = 0

    async def launch(self, run: str, token: str) -> Worker:
        self.attempts += 1
        raise LaunchFailed("no such program")


async def test_so_many_workers_run_and_the_others_wait_in_order(tmp_path: Path) -> None:
    workers = Workers()
    launcher = CoroutineLauncher(workers.work)
    async with trainer(tmp_path, launcher, max_running_runs=2) as service:
        runs = [(await service.create()).name for _ in range(4)]
        for index in range(4):
            run, token, dismissed = await workers.next()
            assert run == runs[index]
            if index < 1:
                continue
            assert len(launcher.launches) == index + 1
            async with service.worker(token) as client:
                hold = Hold(client, run)
                await hold.lease()
                await hold.succeed()
            dismissed.set()


async def test_a_run_whose_workers_keep_dying_fails_readably(tmp_path: Path) -> None:
    launcher = CoroutineLauncher()
    async with trainer(tmp_path, launcher, max_worker_losses=3) as service:
        failed = await service.until_final((await service.create()).name)
        assert failed.state == run_pb2.RUN_STATE_FAILED
        assert failed.error.code == INTERNAL
        assert "lost 3 times" in failed.error.message
        assert "ended" in failed.error.message
        assert len(launcher.launches) == 3
        assert len({token for _, token in launcher.launches}) == 3


async def test_a_run_whose_worker_cannot_be_started_fails_readably(tmp_path: Path) -> None:
    launcher = BrokenLauncher()
    async with trainer(tmp_path, launcher, max_worker_losses=2) as service:
        failed = await service.until_final((await service.create()).name)
        assert failed.state == run_pb2.RUN_STATE_FAILED
        assert "no such program" in failed.error.message
        assert launcher.attempts == 2


async def test_an_iteration_clears_the_count_of_losses(tmp_path: Path) -> None:
    workers = Workers()
    async with trainer(tmp_path, CoroutineLauncher(workers.work), max_worker_losses=2) as service:
        created = await service.create()
        for index in range(3):
            _, token, dismissed = await workers.next()
            async with service.worker(token) as client:
                hold = Hold(client, created.name)
                response = await hold.lease()
                assert len(response.run.iterations) == index
                await hold.commit(index)
            dismissed.set()
        # The third of those has died since its commit; one more makes two.
        (await workers.next())[2].set()
        failed = await service.until_final(created.name)
        assert failed.state == run_pb2.RUN_STATE_FAILED
        assert len(failed.iterations) == 3


async def test_a_replaced_worker_is_not_heard_any_more(tmp_path: Path) -> None:
    workers = Workers()
    async with trainer(tmp_path, CoroutineLauncher(workers.work)) as service:
        created = await service.create()
        _, token, dismissed = await workers.next()
        async with service.worker(token) as client:
            stale = Hold(client, created.name)
            await stale.lease()
            dismissed.set()
            _, fresh_token, _ = await workers.next()
            with pytest.raises(errors.Unauthenticated):
                await stale.commit(0)
            with pytest.raises(errors.Unauthenticated):
                await stale.lease()
        async with service.worker(fresh_token) as client:
            fresh = Hold(client, created.name)
            await fresh.lease()
            await fresh.commit(0)


async def test_a_lost_worker_is_not_replaced_at_once_and_others_go_first(tmp_path: Path) -> None:
    workers = Workers()
    async with trainer(tmp_path, CoroutineLauncher(workers.work), relaunch_delay=1000) as service:
        runs = [(await service.create()).name for _ in range(3)]
        for expected in runs:
            run, _, dismissed = await workers.next()
            assert run == expected
            dismissed.set()


@pytest.mark.parametrize("leased", [False, True])
async def test_a_silent_worker_is_replaced(tmp_path: Path, leased: bool) -> None:
    workers = Workers()
    startup, lease = (60, 0.1) if leased else (0.1, 60)
    async with trainer(
        tmp_path,
        CoroutineLauncher(workers.work),
        max_worker_losses=2,
        worker_startup=startup,
        lease_duration=lease,
    ) as service:
        created = await service.create()
        for _ in range(2):
            _, token, _ = await workers.next()
            if leased:
                async with service.worker(token) as client:
                    await Hold(client, created.name).lease()
        failed = await service.until_final(created.name)
        assert failed.state == run_pb2.RUN_STATE_FAILED
        assert "gave no sign of life" in failed.error.message


async def test_a_restarted_service_takes_up_where_the_former_stopped(tmp_path: Path) -> None:
    workers = Workers()
    launcher = CoroutineLauncher(workers.work)
    async with trainer(tmp_path, launcher, max_running_runs=2) as service:
        runs = [(await service.create()).name for _ in range(3)]
        _, token, _ = await workers.next()
        async with service.worker(token) as client:
            hold = Hold(client, runs[0])
            await hold.lease()
            await hold.commit(0)
        await workers.next()
    assert len(launcher.launches) == 2
    async with trainer(tmp_path, launcher, max_running_runs=3) as service:
        states = [(await service.get(run)).state for run in runs]
        assert states == [run_pb2.RUN_STATE_RUNNING, run_pb2.RUN_STATE_PENDING, run_pb2.RUN_STATE_PENDING]
        tokens = dict([(await workers.next())[:2] for _ in range(3)])
        assert sorted(tokens) == sorted(runs)
        async with service.worker(tokens[runs[0]]) as client:
            hold = Hold(client, runs[0])
            assert len((await hold.lease()).run.iterations) == 1
            await hold.commit(1)
            await hold.succeed()
        assert len((await service.get(runs[0])).iterations) == 2


async def test_a_cancellation_outlives_the_service(tmp_path: Path) -> None:
    workers = Workers()
    launcher = CoroutineLauncher(workers.work)
    async with trainer(tmp_path, launcher) as service:
        created = await service.create()
        _, token, _ = await workers.next()
        async with service.worker(token) as client:
            await Hold(client, created.name).lease()
        await service.cancel(created.name)
    async with trainer(tmp_path, launcher) as service:
        assert (await service.until_final(created.name)).state == run_pb2.RUN_STATE_CANCELLED
    assert len(launcher.launches) == 1


async def test_watchers_do_not_hold_up_the_end(tmp_path: Path) -> None:
    workers = Workers()
    async with trainer(tmp_path, CoroutineLauncher(workers.work)) as service:
        created = await service.create()
        watching = service.watch(created.name)
        assert (await anext(watching)).name == created.name
        await service.stop(grace=60)
        with pytest.raises(errors.Unavailable, match="stopping"):
            async for _ in watching:
                pass
