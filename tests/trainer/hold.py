"""A worker's side of a run, call by call. Imports little: processes start with it."""

from __future__ import annotations

from dataclasses import dataclass

from autoflow.client.worker import RunWorkerClient
from autoflow.v1 import run_pb2, run_worker_service_pb2

CHECKPOINT = "sha256:" + "c" * 64
SUITE_DIGEST = "sha256:" + "5" * 64


def iteration(index: int, reward: float = 0.5) -> run_pb2.Iteration:
    """What a worker commits."""
    return run_pb2.Iteration(
        index=index,
        reward_mean=reward,
        adapter=CHECKPOINT,
        ledger=run_pb2.Ledger(executions=10 * (index + 1)),
    )


@dataclass
class Hold:
    """A worker's hold on a run."""

    client: RunWorkerClient
    run: str
    fencing_token: int = 0

    async def lease(self) -> run_worker_service_pb2.LeaseRunResponse:
        response = await self.client.lease_run(run_worker_service_pb2.LeaseRunRequest(run=self.run))
        self.fencing_token = response.fencing_token
        return response

    async def heartbeat(self, progress: run_pb2.RunProgress | None = None) -> bool:
        request = run_worker_service_pb2.HeartbeatRequest(
            run=self.run, fencing_token=self.fencing_token, progress=progress
        )
        return (await self.client.heartbeat(request)).cancel

    async def commit(self, index: int, reward: float = 0.5) -> None:
        request = run_worker_service_pb2.CommitIterationRequest(
            run=self.run,
            fencing_token=self.fencing_token,
            iteration=iteration(index, reward),
            checkpoint=CHECKPOINT,
        )
        await self.client.commit_iteration(request)

    async def open_test(self, suite_digest: str = SUITE_DIGEST) -> int:
        request = run_worker_service_pb2.OpenTestRequest(
            run=self.run, fencing_token=self.fencing_token, suite_digest=suite_digest
        )
        return (await self.client.open_test(request)).openings

    async def succeed(self, ceiling: float = 1.0) -> None:
        request = run_worker_service_pb2.FinishRunRequest(
            run=self.run,
            fencing_token=self.fencing_token,
            ledger=run_pb2.Ledger(executions=99),
            optimization_result=run_pb2.OptimizationResult(ceiling=ceiling),
        )
        await self.client.finish_run(request)

    async def finish_cancelled(self) -> None:
        request = run_worker_service_pb2.FinishRunRequest(
            run=self.run,
            fencing_token=self.fencing_token,
            ledger=run_pb2.Ledger(executions=99),
            cancelled=True,
        )
        await self.client.finish_run(request)
