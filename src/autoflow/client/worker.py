"""The client of the trainer's internal side, for a run's worker."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import grpc

from autoflow.client._calls import Calls
from autoflow.client.settings import ClientSettings, channel_options
from autoflow.v1.run_worker_service_pb2 import (
    CommitIterationRequest,
    CommitIterationResponse,
    FinishRunRequest,
    FinishRunResponse,
    HeartbeatRequest,
    HeartbeatResponse,
    LeaseRunRequest,
    LeaseRunResponse,
    OpenTestRequest,
    OpenTestResponse,
)
from autoflow.v1.run_worker_service_pb2_grpc import RunWorkerServiceStub

FULL_NAME = "autoflow.v1.RunWorkerService"


class RunWorkerClient:
    """Calls RunWorkerService, with a channel of its own; an async context manager.

    Every method raises an `autoflow.client.errors.RpcError` where the call fails. `timeout` is in seconds;
    without it the settings' own counts. All calls are safe to repeat, and the channel repeats them.

    Args:
        address: `host:port` of the trainer.
        token: the run's worker token. It travels in plain text: for a trusted network.
        settings: deadlines and retries.
    """

    def __init__(self, address: str, token: str, settings: ClientSettings | None = None) -> None:
        settings = settings or ClientSettings()
        self._channel = grpc.aio.insecure_channel(address, options=channel_options(settings, [FULL_NAME]))
        self._stub = RunWorkerServiceStub(self._channel)
        self._calls = Calls(FULL_NAME, settings, (("authorization", f"Bearer {token}"),))

    async def lease_run(self, request: LeaseRunRequest, *, timeout: float | None = None) -> LeaseRunResponse:
        """Takes the run; an older lease loses its fencing token."""
        return await self._calls.unary(self._stub.LeaseRun, "LeaseRun", request, timeout)

    async def heartbeat(
        self, request: HeartbeatRequest, *, timeout: float | None = None
    ) -> HeartbeatResponse:
        """Keeps the lease, reports progress, and learns whether to stop."""
        return await self._calls.unary(self._stub.Heartbeat, "Heartbeat", request, timeout)

    async def commit_iteration(
        self, request: CommitIterationRequest, *, timeout: float | None = None
    ) -> CommitIterationResponse:
        """Stores one iteration with its checkpoint."""
        return await self._calls.unary(self._stub.CommitIteration, "CommitIteration", request, timeout)

    async def open_test(self, request: OpenTestRequest, *, timeout: float | None = None) -> OpenTestResponse:
        """Records that the suite's test split is about to be opened."""
        return await self._calls.unary(self._stub.OpenTest, "OpenTest", request, timeout)

    async def finish_run(
        self, request: FinishRunRequest, *, timeout: float | None = None
    ) -> FinishRunResponse:
        """Ends the run."""
        return await self._calls.unary(self._stub.FinishRun, "FinishRun", request, timeout)

    async def close(self) -> None:
        """Closes the channel; calls in flight are cancelled."""
        await self._channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()
