"""A worker's hold on its run: signs of life, and word of when to stop.

A heartbeat is due several times a lease. When none got through for a whole lease, the lease counts as lost
here too, whatever the trainer thinks: it may long have given the run to another worker. What such a worker
still did in that time does no harm, because every call carries the fencing token of its lease.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from autoflow_worker.concurrency import Retry
from autoflow_worker.evaluation.spec import EvaluationSpec
from autoflow_worker.evaluation.table import EvaluationResult
from autoflow_worker.ledger import Ledger
from autoflow_worker.matrix.results import MatrixResult
from autoflow_worker.matrix.spec import MatrixSpec
from autoflow_worker.ports import CallFailed
from autoflow_worker.results import IterationReport, Progress, Result
from autoflow_worker.spec import RunSpec

_LONGEST_INTERVAL = 2.0
"""Seconds between heartbeats at most, however long the lease: they carry the progress that people watch."""
_INTERVALS_OF_A_LEASE = 4


Spec: TypeAlias = RunSpec | EvaluationSpec | MatrixSpec
"""What a run is to do."""
Finding: TypeAlias = Result | EvaluationResult | MatrixResult
"""The outcome of a run that came to its end."""


class LeaseLost(Exception):
    """The run is another worker's by now, or is over: stop at once."""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The outcome of a run that stopped because it was asked to."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A lease, and what its worker needs to go on."""

    read_spec: Callable[[], Spec]
    """Reads what the run is to do; raises what is wrong with that."""
    fencing_token: int
    seconds: float
    """The lease is lost when no heartbeat comes for so long."""
    checkpoint: str
    """Digest of the state after the last committed iteration; empty at the start."""
    spent: Ledger
    """As of the last committed iteration."""
    suite_artifact: str = ""
    """Of the folder of the run's suite; empty where that is built in."""
    iterations: tuple[IterationReport, ...] = ()
    """Those that are committed."""


class Trainer(Protocol):
    """The trainer's side of one run.

    Every method raises LeaseLost where the run is no longer this worker's, and CallFailed where the trainer
    could not be reached.
    """

    async def lease(self) -> Grant:
        """Takes the run."""

    async def heartbeat(self, fencing_token: int, progress: Progress | None) -> bool:
        """Keeps the lease; returns whether the worker is to stop and finish as cancelled."""

    async def commit(self, fencing_token: int, report: IterationReport, checkpoint: str) -> None:
        """Stores an iteration. May be repeated."""

    async def open_test(self, fencing_token: int, suite_digest: str) -> int:
        """Records that a test split is about to be opened. May be repeated."""

    async def finish(
        self, fencing_token: int, ledger: Ledger, outcome: Finding | Exception | Cancelled
    ) -> None:
        """Ends the run. May be repeated."""


class Lease:
    """A run that was taken. It is the journal of the run's loop.

    Args:
        trainer: gave the lease.
        grant: the lease.
        retry: what is done about calls that fail.
        clock: seconds that only ever grow.
        sleep: waits.
    """

    def __init__(
        self,
        trainer: Trainer,
        grant: Grant,
        retry: Retry,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._trainer = trainer
        self._grant = grant
        self._retry = retry
        self._clock = clock
        self._sleep = sleep
        self._progress: Progress | None = None

    async def keep(self) -> None:
        """Sends heartbeats until the run is to be cancelled, and then returns.

        Raises:
            LeaseLost: the lease is another worker's, or no heartbeat got through in time.
        """
        interval = min(self._grant.seconds / _INTERVALS_OF_A_LEASE, _LONGEST_INTERVAL)
        heard = self._clock()
        while True:
            try:
                async with asyncio.timeout(self._grant.seconds / 2):
                    cancel = await self._trainer.heartbeat(self._grant.fencing_token, self._progress)
            except (CallFailed, TimeoutError):
                if self._clock() - heard > self._grant.seconds:
                    raise LeaseLost("no heartbeat got through for a whole lease") from None
            else:
                heard = self._clock()
                if cancel:
                    return
            await self._sleep(interval)

    def progress(self, progress: Progress) -> None:
        """Says how far the run is; the next heartbeat carries it."""
        self._progress = progress

    async def commit(self, report: IterationReport, checkpoint: str) -> None:
        """Stores an iteration."""
        await self._retry.call(lambda: self._trainer.commit(self._grant.fencing_token, report, checkpoint))

    async def open_test(self, suite_digest: str) -> int:
        """Records that the test split is about to be opened; returns how often it was."""
        return await self._retry.call(
            lambda: self._trainer.open_test(self._grant.fencing_token, suite_digest)
        )

    async def finish(self, ledger: Ledger, outcome: Finding | Exception | Cancelled) -> None:
        """Ends the run."""
        await self._retry.call(lambda: self._trainer.finish(self._grant.fencing_token, ledger, outcome))
