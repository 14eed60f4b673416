"""Following a run."""

from __future__ import annotations

import asyncio
from pathlib import Path

from autoflow.testing.launcher import CoroutineLauncher
from autoflow.v1 import run_pb2
from tests.trainer.harness import Trainer, Workers, trainer
from tests.trainer.hold import Hold, iteration


async def collect(service: Trainer, name: str, after: int = 0) -> list[run_pb2.Run]:
    return [run async for run in service.watch(name, after)]


def indices(runs: list[run_pb2.Run]) -> list[int]:
    return [found.index for run in runs for found in run.iterations]


async def test_watchers_see_everything_in_order_early_or_late(tmp_path: Path) -> None:
    workers = Workers()
    # Nobody looks by himself: all are told.
    async with trainer(tmp_path, CoroutineLauncher(workers.work), run_poll_interval=1000) as service:
        created = await service.create()
        early = asyncio.create_task(collect(service, created.name))
        _, token, _ = await workers.next()
        async with service.worker(token) as client:
            hold = Hold(client, created.name)
            await hold.lease()
            for index in range(3):
                await hold.commit(index)
            await service.until(created.name, lambda run: run.ledger.executions == 30)
            late = asyncio.create_task(collect(service, created.name, after=2))
            for index in range(3, 6):
                await hold.heartbeat(run_pb2.RunProgress(phase="learning", done=index, total=6))
                await hold.commit(index)
            await hold.succeed()
        seen = await early
        assert indices(seen) == [0, 1, 2, 3, 4, 5]
        assert [found for run in seen for found in run.iterations] == [iteration(index) for index in range(6)]
        assert indices(await late) == [2, 3, 4, 5]
        states = [run.state for run in seen]
        assert states == sorted(states)
        assert [states[0], states[-1]] == [run_pb2.RUN_STATE_PENDING, run_pb2.RUN_STATE_SUCCEEDED]
        assert seen[-1].optimization_result.ceiling == 1.0
        # Who comes when all is over gets it in one answer.
        [after_all] = await collect(service, created.name)
        assert after_all == await service.get(created.name)
        assert indices([after_all]) == [0, 1, 2, 3, 4, 5]


async def test_progress_reaches_watchers(tmp_path: Path) -> None:
    workers = Workers()
    async with trainer(tmp_path, CoroutineLauncher(workers.work)) as service:
        created = await service.create()
        _, token, _ = await workers.next()
        watching = asyncio.create_task(
            service.until(created.name, lambda run: run.progress.phase == "testing")
        )
        async with service.worker(token) as client:
            hold = Hold(client, created.name)
            await hold.lease()
            await hold.heartbeat(run_pb2.RunProgress(phase="testing", done=3, total=9))
            await hold.heartbeat()
        seen = await watching
        assert seen.progress == run_pb2.RunProgress(phase="testing", done=3, total=9)
        # A heartbeat that says nothing changes nothing.
        assert (await service.get(created.name)).progress == seen.progress


async def test_a_change_that_nobody_tells_of_is_found(tmp_path: Path) -> None:
    """Two trainers on one database: the second one's notifier never hears of what the first one does."""
    workers = Workers()
    async with (
        trainer(tmp_path, CoroutineLauncher(workers.work)) as first,
        trainer(tmp_path, CoroutineLauncher(workers.work), worker_startup=1000) as second,
    ):
        created = await first.create()
        watching = asyncio.create_task(collect(second, created.name))
        await second.until(created.name, lambda run: run.state == run_pb2.RUN_STATE_PENDING)
        await first.cancel(created.name)
        seen = await watching
        assert seen[-1].state == run_pb2.RUN_STATE_CANCELLED
