"""The trainer on the wire, towards callers and towards workers."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, TypeAlias

import grpc

from autoflow.v1 import (
    run_worker_service_pb2,
    run_worker_service_pb2_grpc,
    trainer_service_pb2,
    trainer_service_pb2_grpc,
)
from autoflow_trainer.control import ControlPlane
from autoflow_trainer.convert import (
    bearer_token,
    claim_from_proto,
    grant_to_proto,
    iteration_from_proto,
    ledger_from_proto,
    outcome_from_proto,
    page_to_proto,
    progress_from_proto,
    request_from_proto,
    run_id,
    snapshot_to_proto,
)
from autoflow_trainer.leases import Leases
from autoflow_trainer.library import SuiteLibrary
from autoflow_trainer.reports import Reports
from autoflow_trainer.suite_convert import parts_from_proto, suite_id, suite_to_proto

Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]


class TrainerServicer(trainer_service_pb2_grpc.TrainerServiceServicer):
    """Answers TrainerService.

    Args:
        control: what does the work for runs.
        library: what does it for suites.
        reports: reads pages of runs.
    """

    def __init__(self, control: ControlPlane, library: SuiteLibrary, reports: Reports) -> None:
        self._control = control
        self._library = library
        self._reports = reports

    async def CreateSuite(
        self, request_iterator: AsyncIterator[trainer_service_pb2.CreateSuiteRequest], context: Context
    ) -> trainer_service_pb2.CreateSuiteResponse:
        """Creates a suite."""
        async with aclosing(parts_from_proto(request_iterator)) as parts:
            suite = await self._library.create(parts)
        return trainer_service_pb2.CreateSuiteResponse(suite=suite_to_proto(suite))

    async def GetSuite(
        self, request: trainer_service_pb2.GetSuiteRequest, context: Context
    ) -> trainer_service_pb2.GetSuiteResponse:
        """Returns a suite."""
        suite = await self._library.get(suite_id(request.name))
        return trainer_service_pb2.GetSuiteResponse(suite=suite_to_proto(suite))

    async def ListSuites(
        self, request: trainer_service_pb2.ListSuitesRequest, context: Context
    ) -> trainer_service_pb2.ListSuitesResponse:
        """Returns a page of suites."""
        page = await self._library.list(request.page_size, request.page_token)
        return trainer_service_pb2.ListSuitesResponse(
            suites=map(suite_to_proto, page.suites), next_page_token=page.next_page_token
        )

    async def CreateRun(
        self, request: trainer_service_pb2.CreateRunRequest, context: Context
    ) -> trainer_service_pb2.CreateRunResponse:
        """Creates a run."""
        snapshot = await self._control.create(request_from_proto(request.run), request.request_id or None)
        return trainer_service_pb2.CreateRunResponse(run=snapshot_to_proto(snapshot))

    async def GetRun(
        self, request: trainer_service_pb2.GetRunRequest, context: Context
    ) -> trainer_service_pb2.GetRunResponse:
        """Returns a run."""
        snapshot = await self._control.get(run_id(request.name))
        return trainer_service_pb2.GetRunResponse(run=snapshot_to_proto(snapshot))

    async def ListRuns(
        self, request: trainer_service_pb2.ListRunsRequest, context: Context
    ) -> trainer_service_pb2.ListRunsResponse:
        """Returns a page of runs."""
        page = await self._control.list(request.page_size, request.page_token)
        return trainer_service_pb2.ListRunsResponse(
            runs=page_to_proto(page), next_page_token=page.next_page_token
        )

    async def WatchRun(
        self, request: trainer_service_pb2.WatchRunRequest, context: Context
    ) -> AsyncGenerator[trainer_service_pb2.WatchRunResponse, None]:
        """Streams a run's changes."""
        async with aclosing(self._control.watch(run_id(request.name), request.after_iterations)) as snapshots:
            async for snapshot in snapshots:
                yield trainer_service_pb2.WatchRunResponse(run=snapshot_to_proto(snapshot))

    async def CancelRun(
        self, request: trainer_service_pb2.CancelRunRequest, context: Context
    ) -> trainer_service_pb2.CancelRunResponse:
        """Asks a run to stop."""
        snapshot = await self._control.cancel(run_id(request.name))
        return trainer_service_pb2.CancelRunResponse(run=snapshot_to_proto(snapshot))

    async def DownloadReport(
        self, request: trainer_service_pb2.DownloadReportRequest, context: Context
    ) -> AsyncGenerator[trainer_service_pb2.DownloadReportResponse, None]:
        """Streams a run's page."""
        async with aclosing(self._reports.read(run_id(request.name))) as chunks:
            async for chunk in chunks:
                yield trainer_service_pb2.DownloadReportResponse(chunk=chunk)


class RunWorkerServicer(run_worker_service_pb2_grpc.RunWorkerServiceServicer):
    """Answers RunWorkerService.

    Args:
        leases: what does the work.
    """

    def __init__(self, leases: Leases) -> None:
        self._leases = leases

    async def LeaseRun(
        self, request: run_worker_service_pb2.LeaseRunRequest, context: Context
    ) -> run_worker_service_pb2.LeaseRunResponse:
        """Gives a worker its run."""
        token = bearer_token(context.invocation_metadata())
        return grant_to_proto(await self._leases.lease(run_id(request.run), token))

    async def Heartbeat(
        self, request: run_worker_service_pb2.HeartbeatRequest, context: Context
    ) -> run_worker_service_pb2.HeartbeatResponse:
        """Keeps a lease."""
        claim = claim_from_proto(context.invocation_metadata(), request.fencing_token)
        cancel = await self._leases.heartbeat(run_id(request.run), claim, progress_from_proto(request))
        return run_worker_service_pb2.HeartbeatResponse(cancel=cancel)

    async def CommitIteration(
        self, request: run_worker_service_pb2.CommitIterationRequest, context: Context
    ) -> run_worker_service_pb2.CommitIterationResponse:
        """Stores an iteration."""
        claim = claim_from_proto(context.invocation_metadata(), request.fencing_token)
        await self._leases.commit(run_id(request.run), claim, iteration_from_proto(request))
        return run_worker_service_pb2.CommitIterationResponse()

    async def OpenTest(
        self, request: run_worker_service_pb2.OpenTestRequest, context: Context
    ) -> run_worker_service_pb2.OpenTestResponse:
        """Records that a test split is opened."""
        claim = claim_from_proto(context.invocation_metadata(), request.fencing_token)
        openings = await self._leases.open_test(run_id(request.run), claim, request.suite_digest)
        return run_worker_service_pb2.OpenTestResponse(openings=openings)

    async def FinishRun(
        self, request: run_worker_service_pb2.FinishRunRequest, context: Context
    ) -> run_worker_service_pb2.FinishRunResponse:
        """Ends a run."""
        claim = claim_from_proto(context.invocation_metadata(), request.fencing_token)
        ledger = ledger_from_proto(request.ledger)
        await self._leases.finish(run_id(request.run), claim, outcome_from_proto(request), ledger)
        return run_worker_service_pb2.FinishRunResponse()
