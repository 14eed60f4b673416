"""What workers can do, and what stale or foreign ones cannot."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import grpc
import pytest
from google.protobuf.any_pb2 import Any
from google.rpc.code_pb2 import RESOURCE_EXHAUSTED
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from autoflow.client import errors
from autoflow.testing.launcher import CoroutineLauncher
from autoflow.v1 import run_pb2, run_worker_service_pb2, run_worker_service_pb2_grpc
from tests.trainer.harness import DEADLINE, Workers, trainer
from tests.trainer.hold import CHECKPOINT, Hold, iteration

Call = Callable[[Hold], Awaitable[object]]
CALLS_OF_A_HOLDER: list[Call] = [
    lambda hold: hold.heartbeat(),
    lambda hold: hold.commit(0),
    lambda hold: hold.open_test(),
    lambda hold: hold.succeed(),
]
NAMES = ["heartbeat", "commit", "open_test", "finish"]


async def test_a_lease_holds_what_is_needed_to_go_on(tmp_path: Path) -> None:
    workers = Workers()
    async with trainer(tmp_path, CoroutineLauncher(workers.work), lease_duration=12.5) as service:
        created = await service.create()
        _, token, _ = await workers.next()
        async with service.worker(token) as client:
            hold = Hold(client, created.name)
            first = await hold.lease()
            assert first.checkpoint == ""
            assert first.lease_duration.ToTimedelta().total_seconds() == 12.5
            assert first.run.state == run_pb2.RUN_STATE_RUNNING
            assert first.run.HasField("start_time")
            await hold.commit(0)
            await hold.commit(1)
            second = await hold.lease()
            assert second.checkpoint == CHECKPOINT
            assert list(second.run.iterations) == [iteration(0), iteration(1)]
            assert second.run.ledger.executions == 20
            assert second.run.start_time == first.run.start_time
            assert second.fencing_token > first.fencing_token


@pytest.mark.parametrize("call", [Hold.lease, *CALLS_OF_A_HOLDER], ids=["lease", *NAMES])
@pytest.mark.parametrize("token", ["", "wrong"])
async def test_a_foreign_token_is_refused(tmp_path: Path, call: Call, token: str) -> None:
    workers = Workers()
    async with trainer(tmp_path, CoroutineLauncher(workers.work)) as service:
        created = await service.create()
        await workers.next()
        async with service.worker(token) as client:
            with pytest.raises(errors.Unauthenticated):
                await call(Hold(client, created.name, fencing_token=1))
        assert (await service.get(created.name)).state == run_pb2.RUN_STATE_PENDING


async def test_a_token_is_not_stored(tmp_path: Path) -> None:
    workers = Workers()
    async with trainer(tmp_path, CoroutineLauncher(workers.work)) as service:
        created = await service.create()
        _, token, _ = await workers.next()
        async with service.worker(token) as client:
            await Hold(client, created.name).lease()
        stored = b"".join(path.read_bytes() for path in (tmp_path / "trainer").glob("trainer.db*"))
        assert hashlib.sha256(token.encode()).digest() in stored
        assert token.encode() not in stored


async def test_a_token_alone_is_not_a_lease(tmp_path: Path) -> None:
    workers = Workers()
    async with trainer(tmp_path, CoroutineLauncher(workers.work)) as service:
        created = await service.create()
        _, token, _ = await workers.next()
        async with service.worker(token) as client:
            with pytest.raises(errors.Aborted):
                await Hold(client, created.name, fencing_token=1).commit(0)


async def test_a_call_without_a_token_is_refused(tmp_path: Path) -> None:
    workers = Workers()
    async with trainer(tmp_path, CoroutineLauncher(workers.work)) as service:
        created = await service.create()
        await workers.next()
        async with grpc.aio.insecure_channel(service.address) as channel:
            stub = run_worker_service_pb2_grpc.RunWorkerServiceStub(channel)
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stub.LeaseRun(
                    run_worker_service_pb2.LeaseRunRequest(run=created.name), timeout=DEADLINE
                )
        assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_a_token_is_for_its_own_run_alone(tmp_path: Path) -> None:
    workers = Workers()
    async with trainer(tmp_path, CoroutineLauncher(workers.work), max_running_runs=2) as service:
        first, second = await service.create(), await service.create()
        tokens = dict([(await workers.next())[:2] for _ in range(2)])
        async with service.worker(tokens[first.name]) as client:
            await Hold(client, first.name).lease()
            with pytest.raises(errors.Unauthenticated):
                await Hold(client, second.name).lease()


@pytest.mark.parametrize("call", CALLS_OF_A_HOLDER, ids=NAMES)
async def test_an_older_lease_is_refused_from_the_moment_of_the_next(tmp_path: Path, call: Call) -> None:
    workers = Workers()
    async with trainer(tmp_path, CoroutineLauncher(workers.work)) as service:
        created = await service.create()
        _, token, _ = await workers.next()
        async with service.worker(token) as client:
            stale, fresh = Hold(client, created.name), Hold(client, created.name)
            await stale.lease()
            await fresh.lease()
            with pytest.raises(errors.Aborted):
                await call(stale)
            await call(fresh)


async def test_iterations_are_committed_once_and_in_order(tmp_path: Path) -> None:
    workers = Workers()
    async with trainer(tmp_path, CoroutineLauncher(workers.work)) as service:
        created = await service.create()
        _, token, _ = await workers.next()
        async with service.worker(token) as client:
            hold = Hold(client, created.name)
            await hold.lease()
            await hold.commit(0)
            await hold.commit(0)
            for index, reward in ((0, 0.9), (2, 0.5)):
                with pytest.raises(errors.FailedPrecondition, match="the next one is 1"):
                    await hold.commit(index, reward)
            await hold.commit(1)
            with pytest.raises(errors.FailedPrecondition):
                await hold.commit(0)
            # Another lease does not repeat what an older one committed: it was told of it.
            await hold.lease()
            with pytest.raises(errors.FailedPrecondition):
                await hold.commit(1)
        assert list((await service.get(created.name)).iterations) == [iteration(0), iteration(1)]


async def test_a_run_that_opens_a_test_split_counts_once(tmp_path: Path) -> None:
    workers = Workers()
    async with trainer(tmp_path, CoroutineLauncher(workers.work), max_running_runs=2) as service:
        runs = [await service.create() for _ in range(2)]
        tokens = dict([(await workers.next())[:2] for _ in range(2)])
        async with service.worker(tokens[runs[0].name]) as one, service.worker(tokens[runs[1].name]) as two:
            first, second = Hold(one, runs[0].name), Hold(two, runs[1].name)
            await first.lease()
            await second.lease()
            assert [await first.open_test(), await first.open_test()] == [1, 1]
            await first.lease()
            assert await first.open_test() == 1
            assert await second.open_test() == 2
            assert await second.open_test("sha256:" + "6" * 64) == 1


async def test_a_final_run_takes_no_more_but_its_own_end_again(tmp_path: Path) -> None:
    workers = Workers()
    async with trainer(tmp_path, CoroutineLauncher(workers.work)) as service:
        created = await service.create()
        _, token, _ = await workers.next()
        async with service.worker(token) as client:
            hold = Hold(client, created.name)
            await hold.lease()
            await hold.commit(0)
            await hold.succeed()
            await hold.succeed()
            final = await service.get(created.name)
            others: list[Call] = [Hold.lease, Hold.finish_cancelled, lambda hold: hold.succeed(ceiling=0.5)]
            for call in CALLS_OF_A_HOLDER[:3] + others:
                with pytest.raises(errors.FailedPrecondition):
                    await call(hold)
        assert final.state == run_pb2.RUN_STATE_SUCCEEDED
        assert final.ledger.executions == 99
        assert final.end_time.ToNanoseconds() >= final.start_time.ToNanoseconds()
        assert not final.HasField("error")
        assert await service.get(created.name) == final


async def test_a_worker_says_why_it_failed(tmp_path: Path) -> None:
    workers = Workers()
    detail = Any()
    detail.Pack(ErrorInfo(reason="BUDGET"))
    status = Status(code=RESOURCE_EXHAUSTED, message="the budget is spent", details=[detail])
    async with trainer(tmp_path, CoroutineLauncher(workers.work)) as service:
        created = await service.create()
        _, token, _ = await workers.next()
        async with service.worker(token) as client:
            hold = Hold(client, created.name)
            await hold.lease()
            await client.finish_run(
                run_worker_service_pb2.FinishRunRequest(
                    run=created.name,
                    fencing_token=hold.fencing_token,
                    ledger=run_pb2.Ledger(),
                    error=status,
                )
            )
        failed = await service.get(created.name)
        assert failed.state == run_pb2.RUN_STATE_FAILED
        assert failed.error == status
        assert not failed.HasField("optimization_result")


@pytest.mark.parametrize("outcome", [None, "cancelled"])
async def test_an_outcome_is_required_and_true(tmp_path: Path, outcome: str | None) -> None:
    workers = Workers()
    async with trainer(tmp_path, CoroutineLauncher(workers.work)) as service:
        created = await service.create()
        _, token, _ = await workers.next()
        async with service.worker(token) as client:
            request = run_worker_service_pb2.FinishRunRequest(
                run=created.name, fencing_token=1, ledger=run_pb2.Ledger()
            )
            if outcome:
                request.cancelled = False
            with pytest.raises(errors.InvalidArgument):
                await client.finish_run(request)
