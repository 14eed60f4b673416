"""The state machine of a run, as pure functions from one record to the next.

    PENDING ──lease──▶ RUNNING ──finish──▶ SUCCEEDED | FAILED
       │                  │  └──too many workers lost──▶ FAILED
       │               cancel
       │                  ▼
       └──cancel──▶ CANCELLED ◀──finish, or the worker is gone── CANCELLING ──finish──▶ SUCCEEDED | FAILED

A function that has nothing to change returns the record that it was given, the very object, so a repeated
call is harmless and stores nothing. Nothing here waits or stores: `autoflow_trainer.store` applies a
transition to the stored record, and applies it anew where another change came first.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from autoflow.errors import Aborted, FailedPrecondition, Unauthenticated
from autoflow_trainer.runs import (
    Cancelled,
    Claim,
    Failed,
    Failure,
    Iteration,
    Lease,
    Outcome,
    Progress,
    RunRecord,
    RunState,
    Succeeded,
)

_INTERNAL = 13
"""`google.rpc.Code.INTERNAL`: what a run ends with whose workers keep dying."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a lost worker is replaced."""

    max_losses: int = 3
    """The run fails with so many workers lost and no iteration committed in between; at least 1."""
    first_delay: timedelta = timedelta(seconds=1)
    """Before the first replacement; doubled for each further one."""
    max_delay: timedelta = timedelta(seconds=30)

    def delay(self, losses: int) -> timedelta:
        """How long to wait after so many losses, at least 1."""
        # Bounded: a time has a largest value.
        doublings = min(losses - 1, 16)
        return min(self.first_delay * (1 << doublings), self.max_delay)


def digest_token(token: str) -> bytes:
    """What is stored of a worker's token. The tokens are 256 random bits, so they need no salt."""
    return hashlib.sha256(token.encode()).digest()


def launch(record: RunRecord, token: str, expires: datetime) -> RunRecord:
    """Gives the run to a worker that is about to be started. Whoever had it before is refused from now on.

    Args:
        record: a run that is to go on.
        token: the secret of this launch.
        expires: when the worker must have taken its lease.

    Raises:
        FailedPrecondition: the run is final, or on its way there.
    """
    if record.run.state not in (RunState.PENDING, RunState.RUNNING):
        raise FailedPrecondition(f"the run is {record.run.state}")
    lease = Lease(digest_token(token), record.lease.fencing_token, expires)
    return replace(record, lease=lease, launch_after=None)


def take_lease(record: RunRecord, token: str, now: datetime, expires: datetime) -> RunRecord:
    """Gives a new lease to the worker of the last launch.

    Raises:
        Unauthenticated: the token is not that of the last launch.
        FailedPrecondition: the run is final.
    """
    _authenticate(record, token)
    _require_open(record)
    run = record.run
    if run.state is RunState.PENDING:
        run = replace(run, state=RunState.RUNNING, start_time=now)
    lease = replace(record.lease, fencing_token=record.lease.fencing_token + 1, expires=expires)
    return replace(record, run=run, lease=lease)


def heartbeat(record: RunRecord, claim: Claim, progress: Progress | None, expires: datetime) -> RunRecord:
    """Keeps the lease, also one that ran out while nobody else took the run.

    Raises:
        Unauthenticated: the token is not that of the last launch.
        Aborted: the lease is another worker's by now.
        FailedPrecondition: the run is final.
    """
    _require_holder(record, claim)
    _require_open(record)
    run = record.run if progress is None else replace(record.run, progress=progress)
    return replace(record, run=run, lease=replace(record.lease, expires=expires))


def commit(record: RunRecord, claim: Claim, iteration: Iteration, expires: datetime) -> RunRecord:
    """Takes in one iteration. A commit is a sign of life, and clears the count of lost workers.

    Raises:
        Unauthenticated: the token is not that of the last launch.
        Aborted: the lease is another worker's by now.
        FailedPrecondition: the run is final, or the iteration is not the next one.
    """
    _require_holder(record, claim)
    _require_open(record)
    digest = _commit_digest(claim.fencing_token, iteration)
    run = record.run
    if iteration.index == run.committed - 1 and digest == record.last_commit:
        return record
    if iteration.index != run.committed:
        raise FailedPrecondition(
            f"iteration {iteration.index} cannot be committed: the next one is {run.committed}, "
            "and a committed one cannot be replaced"
        )
    return replace(
        record,
        run=replace(run, committed=run.committed + 1, ledger=iteration.ledger),
        lease=replace(record.lease, expires=expires),
        checkpoint=iteration.checkpoint,
        last_commit=digest,
        losses=0,
    )


def open_test(record: RunRecord, claim: Claim) -> RunRecord:
    """Checks that the worker may open the test split. The record stays as it is.

    Raises:
        Unauthenticated: the token is not that of the last launch.
        Aborted: the lease is another worker's by now.
        FailedPrecondition: the run is final.
    """
    _require_holder(record, claim)
    _require_open(record)
    return record


def finish(record: RunRecord, claim: Claim, outcome: Outcome, ledger: bytes, now: datetime) -> RunRecord:
    """Ends the run. A run that came to its end before it noticed a cancellation keeps its outcome.

    Raises:
        Unauthenticated: the token is not that of the last launch.
        Aborted: the lease is another worker's by now.
        FailedPrecondition: the run is final with another outcome, or it is to end as cancelled and nobody
            asked for that.
    """
    _require_holder(record, claim)
    run = record.run
    if run.state.final:
        if _with_outcome(record, outcome, ledger, run.end_time or now).run == run:
            return record
        _require_open(record)
    if isinstance(outcome, Cancelled) and run.state is not RunState.CANCELLING:
        raise FailedPrecondition("nobody asked for this run's cancellation")
    return _with_outcome(record, outcome, ledger, now)


def cancel(record: RunRecord, now: datetime) -> RunRecord:
    """Asks the run to stop; one that no worker has taken stops at once, a final one stays as it is."""
    run = record.run
    match run.state:
        case RunState.PENDING:
            return _ended(record, RunState.CANCELLED, now)
        case RunState.RUNNING:
            return replace(record, run=replace(run, state=RunState.CANCELLING))
        case _:
            return record


def lose_worker(record: RunRecord, reason: str, now: datetime, policy: RetryPolicy) -> RunRecord:
    """Takes the run from a worker that is gone: it waits for another one, or ends; either tells the reason.

    Args:
        record: the run.
        reason: what became of the worker, to follow "the worker …".
        now: the time.
        policy: how often a worker is replaced.
    """
    run = record.run
    if run.state.final:
        return record
    if run.state is RunState.CANCELLING:
        return _ended(record, RunState.CANCELLED, now)
    losses = record.losses + 1
    # Without a token's digest nobody is heard: what is left of the lost worker, least of all.
    vacant = replace(record, lease=Lease(fencing_token=record.lease.fencing_token), losses=losses)
    if losses < policy.max_losses:
        waiting = Progress(f"waiting for another worker: the last one {reason}", 0, 0)
        waiting_run = replace(run, progress=waiting)
        return replace(vacant, run=waiting_run, launch_after=now + policy.delay(losses))
    times = "once" if losses == 1 else f"{losses} times in a row"
    failure = Failure(
        _INTERNAL,
        f"a worker was lost {times} with no iteration committed in between; the last one {reason}",
    )
    return _ended(replace(vacant, run=replace(run, failure=failure)), RunState.FAILED, now)


def _authenticate(record: RunRecord, token: str) -> None:
    if not record.lease.token_digest or not hmac.compare_digest(
        digest_token(token), record.lease.token_digest
    ):
        raise Unauthenticated("this is not the token of the run's worker")


def _require_holder(record: RunRecord, claim: Claim) -> None:
    _authenticate(record, claim.token)
    if claim.fencing_token != record.lease.fencing_token:
        raise Aborted("the lease is another worker's by now")


def _require_open(record: RunRecord) -> None:
    if record.run.state.final:
        raise FailedPrecondition(f"the run is {record.run.state}")


def _commit_digest(fencing_token: int, iteration: Iteration) -> bytes:
    parts = (str(fencing_token).encode(), iteration.checkpoint.encode(), iteration.payload)
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).digest()


def _with_outcome(record: RunRecord, outcome: Outcome, ledger: bytes, now: datetime) -> RunRecord:
    match outcome:
        case Succeeded(result):
            run, state = replace(record.run, result=result), RunState.SUCCEEDED
        case Failed(failure):
            run, state = replace(record.run, failure=failure), RunState.FAILED
        case Cancelled():
            run, state = record.run, RunState.CANCELLED
    return _ended(replace(record, run=replace(run, ledger=ledger)), state, now)


def _ended(record: RunRecord, state: RunState, now: datetime) -> RunRecord:
    # The lease's tokens stay: a worker that never got the answer to its last call may repeat it.
    return replace(
        record,
        run=replace(record.run, state=state, end_time=now),
        lease=replace(record.lease, expires=None),
        launch_after=None,
    )
