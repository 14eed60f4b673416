"""One worker's life: take the run, do it, end it; stop when cancelled, vanish when the lease is lost.

What is wrong with the run ends it. What is wrong with a service does not: then the worker gives up alone, and
the trainer, which knows how many workers gave up before, has another one go on from the last commit.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from autoflow_worker.concurrency import Retry
from autoflow_worker.context import Journal
from autoflow_worker.lease import Cancelled, Finding, Grant, Lease, LeaseLost, Trainer
from autoflow_worker.ledger import Ledger
from autoflow_worker.ports import CallFailed

_log = logging.getLogger(__name__)


class Job(Protocol):
    """The work on a run that was taken."""

    @property
    def ledger(self) -> Ledger:
        """What the run has spent by now."""

    async def run(self) -> Finding:
        """Does it. May be cancelled."""


Prepare = Callable[[Grant, Journal], Job]
"""Makes the work on a run; fast. Raises what is wrong with the run."""


async def work(trainer: Trainer, prepare: Prepare, retry: Retry) -> None:
    """Takes a run and ends it, unless a service fails past all retries.

    Args:
        trainer: where the run comes from.
        prepare: makes the work on it.
        retry: what is done about calls to the trainer that fail.

    Raises:
        LeaseLost: the run is another worker's; nothing more may be done for it.
        CallFailed: the trainer, or a service that the work needs, could not serve; the run goes on later.
    """
    grant = await retry.call(trainer.lease)
    lease = Lease(trainer, grant, retry)
    try:
        job = prepare(grant, lease)
    except Exception as error:
        _log.exception("the run cannot be done")
        await lease.finish(grant.spent, error)
        return
    outcome = await _until_stopped(job, lease)
    await lease.finish(job.ledger, outcome)


async def _until_stopped(job: Job, lease: Lease) -> Finding | Exception | Cancelled:
    """Does the work while the lease is kept, and says how it ended."""
    working, keeping = asyncio.create_task(job.run()), asyncio.create_task(lease.keep())
    try:
        await asyncio.wait((working, keeping), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        keeping.result()
        return Cancelled()
    except (LeaseLost, CallFailed):
        raise
    except Exception as error:
        _log.exception("the run failed")
        return error
    finally:
        for task in (working, keeping):
            task.cancel()
        await asyncio.gather(working, keeping, return_exceptions=True)
