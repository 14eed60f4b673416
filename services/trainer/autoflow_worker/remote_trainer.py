"""The trainer, over gRPC: the protocol of `autoflow_worker.lease.Trainer`, for runs of every kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

from autoflow.client import RpcError
from autoflow.client import errors as rpc
from autoflow.client.worker import RunWorkerClient
from autoflow.server.errors import failure
from autoflow.v1 import run_pb2, run_worker_service_pb2
from autoflow_worker import convert
from autoflow_worker import result_convert as results
from autoflow_worker.evaluation import convert as evaluations
from autoflow_worker.evaluation.table import EvaluationResult
from autoflow_worker.lease import Cancelled, Finding, Grant, LeaseLost, Spec
from autoflow_worker.ledger import Ledger
from autoflow_worker.matrix import convert as matrices
from autoflow_worker.matrix.results import MatrixResult
from autoflow_worker.results import IterationReport, Progress, Result
from autoflow_worker.sorted_errors import call_failed

_LOSES_THE_LEASE = (rpc.Aborted, rpc.FailedPrecondition, rpc.NotFound, rpc.Unauthenticated)
_SPECS: Mapping[str, Callable[[run_pb2.Run], Spec]] = MappingProxyType(
    {
        "optimization": convert.spec_from_proto,
        "evaluation": evaluations.spec_from_proto,
        "matrix": matrices.spec_from_proto,
    }
)
"""What reads a run of each kind."""


def _spec_reader(run: run_pb2.Run) -> Callable[[run_pb2.Run], Spec]:
    # One of a later contract is read as an optimisation, which then says what it does not know.
    return _SPECS.get(run.WhichOneof("kind") or "", convert.spec_from_proto)


class RemoteTrainer:
    """The trainer's side of one run.

    Args:
        client: of the trainer, with the run's token.
        run: `runs/<id>`.
    """

    def __init__(self, client: RunWorkerClient, run: str) -> None:
        self._client = client
        self._run = run

    async def lease(self) -> Grant:
        """Takes the run."""
        with self._sorted_errors():
            granted = await self._client.lease_run(run_worker_service_pb2.LeaseRunRequest(run=self._run))
        return convert.grant_from_proto(granted, _spec_reader(granted.run))

    async def heartbeat(self, fencing_token: int, progress: Progress | None) -> bool:
        """Keeps the lease; returns whether to cancel."""
        request = run_worker_service_pb2.HeartbeatRequest(
            run=self._run,
            fencing_token=fencing_token,
            progress=convert.progress_to_proto(progress) if progress else None,
        )
        with self._sorted_errors():
            return (await self._client.heartbeat(request)).cancel

    async def commit(self, fencing_token: int, report: IterationReport, checkpoint: str) -> None:
        """Stores an iteration."""
        request = run_worker_service_pb2.CommitIterationRequest(
            run=self._run,
            fencing_token=fencing_token,
            iteration=convert.iteration_to_proto(report),
            checkpoint=checkpoint,
        )
        with self._sorted_errors():
            await self._client.commit_iteration(request)

    async def open_test(self, fencing_token: int, suite_digest: str) -> int:
        """Records an opening of the test split; returns how many there were."""
        request = run_worker_service_pb2.OpenTestRequest(
            run=self._run, fencing_token=fencing_token, suite_digest=suite_digest
        )
        with self._sorted_errors():
            return (await self._client.open_test(request)).openings

    async def finish(
        self, fencing_token: int, ledger: Ledger, outcome: Finding | Exception | Cancelled
    ) -> None:
        """Ends the run."""
        request = run_worker_service_pb2.FinishRunRequest(
            run=self._run, fencing_token=fencing_token, ledger=convert.ledger_to_proto(ledger)
        )
        match outcome:
            case Cancelled():
                request.cancelled = True
            case Result():
                request.optimization_result.CopyFrom(results.result_to_proto(outcome))
            case EvaluationResult():
                request.evaluation_result.CopyFrom(evaluations.result_to_proto(outcome))
            case MatrixResult():
                request.matrix_result.CopyFrom(matrices.result_to_proto(outcome))
            case _:
                # What is no error of the domain's tells its text to the log alone.
                request.error.CopyFrom(failure(outcome, self._run).status)
        with self._sorted_errors():
            await self._client.finish_run(request)

    @staticmethod
    @contextmanager
    def _sorted_errors() -> Iterator[None]:
        try:
            yield
        except _LOSES_THE_LEASE as error:
            raise LeaseLost(str(error)) from error
        except RpcError as error:
            raise call_failed("trainer", error) from error
