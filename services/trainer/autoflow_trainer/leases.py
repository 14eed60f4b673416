"""What workers can do: take their run, keep it, commit iterations, and end it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from autoflow.errors import InvalidArgument
from autoflow_trainer import lifecycle
from autoflow_trainer.control import Snapshot
from autoflow_trainer.runs import Claim, Iteration, Outcome, Progress, Run, RunRecord, RunState, Succeeded
from autoflow_trainer.store import RunStore


@dataclass(frozen=True, slots=True)
class Grant:
    """A lease, and what its worker needs to go on."""

    snapshot: Snapshot
    """The run with all its iterations."""
    fencing_token: int
    """What every later call must carry."""
    duration: timedelta
    """The lease is lost when no heartbeat comes for so long."""
    checkpoint: str
    """The worker's own state after the last committed iteration; empty at the start."""


class Leases:
    """The workers' side of runs.

    All methods raise NotFound where there is no such run, Unauthenticated where the token is not that of the
    run's last launch, Aborted where the lease is another worker's by now, and FailedPrecondition where the
    run is final.

    Args:
        store: where the runs are.
        clock: the time, aware.
        lease_duration: how long a lease lasts without a sign of life.
        kind_of: the kind of a run, as results name it.
    """

    def __init__(
        self,
        store: RunStore,
        *,
        clock: Callable[[], datetime],
        lease_duration: timedelta,
        kind_of: Callable[[Run], str],
    ) -> None:
        self._store = store
        self._clock = clock
        self._duration = lease_duration
        self._kind_of = kind_of

    async def lease(self, run_id: str, token: str) -> Grant:
        """Takes the run."""
        now = self._clock()
        record = await self._store.update(
            run_id, lambda record: lifecycle.take_lease(record, token, now, now + self._duration)
        )
        snapshot = Snapshot(record.run, tuple(await self._store.iterations(record)))
        return Grant(snapshot, record.lease.fencing_token, self._duration, record.checkpoint)

    async def heartbeat(self, run_id: str, claim: Claim, progress: Progress | None) -> bool:
        """Keeps the lease.

        Returns:
            Whether the worker is to stop and finish as cancelled.
        """
        expires = self._clock() + self._duration
        record = await self._store.update(
            run_id, lambda record: lifecycle.heartbeat(record, claim, progress, expires)
        )
        return record.run.state is RunState.CANCELLING

    async def commit(self, run_id: str, claim: Claim, iteration: Iteration) -> None:
        """Stores an iteration; it is durable when this returns.

        Raises:
            FailedPrecondition: it is not the next one, nor the repetition of the last call.
        """
        expires = self._clock() + self._duration
        await self._store.update(
            run_id,
            lambda record: lifecycle.commit(record, claim, iteration, expires),
            iteration=iteration,
        )

    async def open_test(self, run_id: str, claim: Claim, suite_digest: str) -> int:
        """Records that the run opens a suite's test split.

        Returns:
            How many runs have opened it, this one included.
        """
        return await self._store.open_test(
            run_id,
            lambda record: lifecycle.open_test(record, claim),
            suite_digest=suite_digest,
            now=self._clock(),
        )

    async def finish(self, run_id: str, claim: Claim, outcome: Outcome, ledger: bytes) -> None:
        """Ends the run.

        Raises:
            FailedPrecondition: it ended otherwise, or nobody asked for its cancellation.
            InvalidArgument: it is a run of another kind.
        """
        now = self._clock()

        def finish(record: RunRecord) -> RunRecord:
            ended = lifecycle.finish(record, claim, outcome, ledger, now)
            if isinstance(outcome, Succeeded) and outcome.kind != self._kind_of(record.run):
                raise InvalidArgument("outcome", "this is not the result of a run of this kind")
            return ended

        await self._store.update(run_id, finish)
