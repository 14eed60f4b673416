"""A worker process that learns nothing: it commits what `messages` has made up, and ends as it is told.

An evaluation comes to the result that `evaluations` has made up, with a page that says so.

CLI_WORKER says how: `succeed`, `fail`, or `wait`, which goes on until the run is cancelled.
"""

from __future__ import annotations

import asyncio
import os
import sys

from google.rpc import code_pb2, status_pb2

from autoflow.client.worker import RunWorkerClient
from autoflow.store.artifacts import ArtifactStore
from autoflow.v1 import run_pb2, run_worker_service_pb2
from tests.cli import evaluations, messages

CHECKPOINT = "sha256:" + "c" * 64
ITERATIONS = 3
_PAUSE = 0.05


async def work(run: str, how: str) -> None:
    print("a line of the worker's log", flush=True)
    async with RunWorkerClient(
        os.environ["AUTOFLOW_TRAINER_ADDRESS"], os.environ["AUTOFLOW_RUN_TOKEN"]
    ) as client:
        lease = await client.lease_run(run_worker_service_pb2.LeaseRunRequest(run=run))
        token = lease.fencing_token
        for index, iteration in enumerate(messages.iterations(ITERATIONS)):
            progress = run_pb2.RunProgress(phase="learning", done=index, total=ITERATIONS)
            await _heartbeat(client, run, token, progress)
            await client.commit_iteration(
                run_worker_service_pb2.CommitIterationRequest(
                    run=run, fencing_token=token, iteration=iteration, checkpoint=CHECKPOINT
                )
            )
        await _heartbeat(client, run, token, run_pb2.RunProgress(phase="testing"))
        end = run_worker_service_pb2.FinishRunRequest(run=run, fencing_token=token, ledger=messages.ledger())
        if how == "wait":
            while not await _heartbeat(client, run, token, progress):  # noqa: ASYNC110  # It is told, not rung.
                await asyncio.sleep(_PAUSE)
            end.cancelled = True
        elif how == "fail":
            end.error.CopyFrom(status_pb2.Status(code=code_pb2.INTERNAL, message="the model\x1b[2J melted"))
        elif lease.run.HasField("evaluation"):
            end.evaluation_result.CopyFrom(evaluations.result())
            end.evaluation_result.page = ArtifactStore(os.environ["AUTOFLOW_ARTIFACTS"]).put(evaluations.PAGE)
        else:
            end.optimization_result.CopyFrom(messages.result(ITERATIONS))
        await client.finish_run(end)


async def _heartbeat(client: RunWorkerClient, run: str, token: int, progress: run_pb2.RunProgress) -> bool:
    request = run_worker_service_pb2.HeartbeatRequest(run=run, fencing_token=token, progress=progress)
    return (await client.heartbeat(request)).cancel


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1], os.environ["CLI_WORKER"]))
