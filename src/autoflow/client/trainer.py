"""The client of the service that runs optimisations."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Iterable

import grpc

from autoflow.client._calls import Calls
from autoflow.client._waiting import OnChange, RunWait
from autoflow.client.settings import ClientSettings
from autoflow.v1.run_pb2 import Run
from autoflow.v1.trainer_service_pb2 import (
    CancelRunRequest,
    CancelRunResponse,
    CreateRunRequest,
    CreateRunResponse,
    CreateSuiteRequest,
    CreateSuiteResponse,
    DownloadReportRequest,
    DownloadReportResponse,
    GetRunRequest,
    GetRunResponse,
    GetSuiteRequest,
    GetSuiteResponse,
    ListRunsRequest,
    ListRunsResponse,
    ListSuitesRequest,
    ListSuitesResponse,
    WatchRunRequest,
    WatchRunResponse,
)
from autoflow.v1.trainer_service_pb2_grpc import TrainerServiceStub

FULL_NAME = "autoflow.v1.TrainerService"


class TrainerClient:
    """Calls TrainerService.

    Every method raises an `autoflow.client.errors.RpcError` where the call fails. `timeout` is in seconds;
    without it the settings' own counts. A stream is cancelled by closing its generator
    (`contextlib.aclosing`), which whoever leaves early has to do.

    Args:
        channel: to the service.
        settings: the deadlines.
    """

    def __init__(self, channel: grpc.aio.Channel, settings: ClientSettings) -> None:
        self._stub = TrainerServiceStub(channel)
        self._calls = Calls(FULL_NAME, settings)
        self._settings = settings

    async def create_suite(
        self, requests: Iterable[CreateSuiteRequest], *, timeout: float | None = None
    ) -> CreateSuiteResponse:
        """Creates a suite, or returns the one of the same content; safe to repeat.

        Args:
            requests: the suite, then each task followed by its samples, then the end, as `SuiteRequests` of
                `autoflow.suite_messages` makes them of a loaded suite. Each is taken in a thread when the one
                before was sent.
            timeout: seconds for the whole call; without it the settings' own for streams.
        """
        return await self._calls.upload(self._stub.CreateSuite, "CreateSuite", requests, timeout)

    async def get_suite(self, request: GetSuiteRequest, *, timeout: float | None = None) -> GetSuiteResponse:
        """Returns a suite without its tasks."""
        return await self._calls.unary(self._stub.GetSuite, "GetSuite", request, timeout)

    async def list_suites(
        self, request: ListSuitesRequest, *, timeout: float | None = None
    ) -> ListSuitesResponse:
        """Returns a page of suites, the built-in ones first, then the newest."""
        return await self._calls.unary(self._stub.ListSuites, "ListSuites", request, timeout)

    async def create_run(
        self, request: CreateRunRequest, *, timeout: float | None = None
    ) -> CreateRunResponse:
        """Creates a run and launches its worker.

        A request without `request_id` gets a fresh one, so that the call's own retries create one run.
        """
        if not request.request_id:
            identified = CreateRunRequest(request_id=str(uuid.uuid4()))
            identified.MergeFrom(request)
            request = identified
        return await self._calls.unary(self._stub.CreateRun, "CreateRun", request, timeout)

    async def get_run(self, request: GetRunRequest, *, timeout: float | None = None) -> GetRunResponse:
        """Returns a run, whole."""
        return await self._calls.unary(self._stub.GetRun, "GetRun", request, timeout)

    async def list_runs(self, request: ListRunsRequest, *, timeout: float | None = None) -> ListRunsResponse:
        """Returns a page of runs, the newest first."""
        return await self._calls.unary(self._stub.ListRuns, "ListRuns", request, timeout)

    def watch_run(
        self, request: WatchRunRequest, *, timeout: float | None = None
    ) -> AsyncGenerator[WatchRunResponse]:
        """Yields a run as it stands and after every change, until it is final."""
        return self._calls.stream(self._stub.WatchRun, "WatchRun", request, timeout)

    async def wait_for_run(self, name: str, *, timeout: float, on_change: OnChange | None = None) -> Run:
        """Follows a run to its end, even where the trainer starts anew meanwhile.

        Args:
            name: `runs/<id>`.
            timeout: seconds for all of it.
            on_change: called with the run as it stands and after every change. The iterations that it has
                are those that were not there the time before. It must not block; what it raises ends this.

        Returns:
            The run, whole, in a final state; look at `state`, for a failed run is no exception.

        Raises:
            DeadlineExceeded: the run is not final by then; it goes on.
            NotFound: there is no such run.
            RpcError: the trainer cannot tell, for a reason that does not pass by itself.
        """
        return await RunWait(self, self._settings, name, on_change).until_final(timeout)

    async def cancel_run(
        self, request: CancelRunRequest, *, timeout: float | None = None
    ) -> CancelRunResponse:
        """Asks a run to stop."""
        return await self._calls.unary(self._stub.CancelRun, "CancelRun", request, timeout)

    def download_report(
        self, request: DownloadReportRequest, *, timeout: float | None = None
    ) -> AsyncGenerator[DownloadReportResponse]:
        """Yields an evaluation's page, piece by piece."""
        return self._calls.stream(self._stub.DownloadReport, "DownloadReport", request, timeout)
