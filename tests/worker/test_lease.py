"""A worker's hold on its run, and its life from lease to end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from autoflow.errors import FailedPrecondition
from autoflow_worker.concurrency import Retry
from autoflow_worker.context import Journal
from autoflow_worker.lease import Cancelled, Finding, Grant, Lease, LeaseLost
from autoflow_worker.ledger import Ledger
from autoflow_worker.ports import CallFailed
from autoflow_worker.results import IterationReport, Progress, Result
from autoflow_worker.worker import work
from tests.worker.doubles import IMPATIENT, run_spec

GRANT = Grant(run_spec, fencing_token=7, seconds=8.0, checkpoint="", spent=Ledger())


class ScriptedTrainer:
    """A trainer whose answers to heartbeats come from a function of their number.

    Attributes:
        heard: the progress of every heartbeat that got through.
        finished: how the run was ended.
    """

    def __init__(self, beat: Callable[[int], bool] = lambda number: False) -> None:
        self._beat = beat
        self._beats = 0
        self.heard: list[Progress | None] = []
        self.finished: list[tuple[Ledger, Finding | Exception | Cancelled]] = []
        self.commits = 0

    async def lease(self) -> Grant:
        """Gives the run."""
        return GRANT

    async def heartbeat(self, fencing_token: int, progress: Progress | None) -> bool:
        """Hears a heartbeat."""
        assert fencing_token == 7
        self._beats += 1
        cancel = self._beat(self._beats)
        self.heard.append(progress)
        return cancel

    async def commit(self, fencing_token: int, report: IterationReport, checkpoint: str) -> None:
        """Has given the run to somebody else."""
        self.commits += 1
        raise LeaseLost("another worker's")

    async def open_test(self, fencing_token: int, suite_digest: str) -> int:
        """Fails once."""
        self.commits += 1
        if self.commits == 1:
            raise CallFailed("not now")
        return 5

    async def finish(
        self, fencing_token: int, ledger: Ledger, outcome: Finding | Exception | Cancelled
    ) -> None:
        """Ends the run."""
        self.finished.append((ledger, outcome))


class Time:
    """A clock that moves only where somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


def lease_of(trainer: ScriptedTrainer, time: Time) -> Lease:
    return Lease(trainer, GRANT, IMPATIENT, clock=time.clock, sleep=time.sleep)


def fail(number: int) -> bool:
    raise CallFailed("no trainer today")


async def test_heartbeats_go_on_until_the_run_is_to_be_cancelled() -> None:
    trainer, time = ScriptedTrainer(lambda number: number == 5), Time()
    await lease_of(trainer, time).keep()
    assert len(trainer.heard) == 5
    # A quarter of the lease, or two seconds.
    assert time.now == 8.0


async def test_heartbeats_carry_the_progress() -> None:
    trainer = ScriptedTrainer(lambda number: number == 1)
    lease = lease_of(trainer, Time())
    lease.progress(Progress("learning", 1, 9))
    lease.progress(Progress("learning", 2, 9))
    await lease.keep()
    assert trainer.heard == [Progress("learning", 2, 9)]


async def test_heartbeats_that_are_lost_do_no_harm_while_some_get_through() -> None:
    def beat(number: int) -> bool:
        return number == 12 if number % 4 == 0 else fail(number)

    trainer, time = ScriptedTrainer(beat), Time()
    await lease_of(trainer, time).keep()
    assert len(trainer.heard) == 3


async def test_the_lease_counts_as_lost_when_no_heartbeat_got_through_for_all_of_it() -> None:
    time = Time()
    with pytest.raises(LeaseLost, match="whole lease"):
        await lease_of(ScriptedTrainer(fail), time).keep()
    assert 8.0 < time.now <= 10.0


async def test_a_lease_that_is_another_workers_is_lost_at_once() -> None:
    def beat(number: int) -> bool:
        raise LeaseLost("another worker's")

    with pytest.raises(LeaseLost):
        await lease_of(ScriptedTrainer(beat), Time()).keep()


async def test_calls_of_the_journal_are_repeated_but_not_against_another_worker() -> None:
    trainer = ScriptedTrainer()
    lease = lease_of(trainer, Time())
    assert await lease.open_test("sha256:0") == 5
    report = IterationReport(0, 0, 0, 0, 0, 0, False, 0, "", Ledger())
    with pytest.raises(LeaseLost):
        await lease.commit(report, "sha256:0")
    assert trainer.commits == 3


class Job:
    """Work that does what it is told."""

    ledger = Ledger(executions=3)

    def __init__(self, run: Callable[[], object]) -> None:
        self._run = run
        self.stopped = False

    async def run(self) -> Result:
        try:
            outcome = self._run()
            if isinstance(outcome, asyncio.Event):
                await outcome.wait()
            return outcome  # type: ignore[return-value]
        except asyncio.CancelledError:
            self.stopped = True
            raise


def preparing(job: Job) -> Callable[[Grant, Journal], Job]:
    return lambda grant, journal: job


async def test_a_run_that_is_done_is_ended_with_its_result() -> None:
    trainer, result = ScriptedTrainer(), object()
    await work(trainer, preparing(Job(lambda: result)), Retry())
    assert trainer.finished == [(Ledger(executions=3), result)]


async def test_a_run_that_fails_is_ended_with_its_error() -> None:
    def run() -> None:
        raise FailedPrecondition("cannot be")

    trainer = ScriptedTrainer()
    await work(trainer, preparing(Job(run)), Retry())
    ((_, outcome),) = trainer.finished
    assert isinstance(outcome, FailedPrecondition)


async def test_a_service_that_cannot_serve_does_not_end_the_run() -> None:
    def run() -> None:
        raise CallFailed("the generator could not serve: UNAVAILABLE")

    trainer = ScriptedTrainer()
    with pytest.raises(CallFailed):
        await work(trainer, preparing(Job(run)), Retry())
    assert trainer.finished == []


async def test_work_that_cannot_even_be_prepared_ends_the_run_with_its_error() -> None:
    def prepare(grant: Grant, journal: Journal) -> Job:
        raise FailedPrecondition("no such suite")

    trainer = ScriptedTrainer()
    await work(trainer, prepare, Retry())
    ((_, outcome),) = trainer.finished
    assert isinstance(outcome, FailedPrecondition)


async def test_a_cancelled_run_is_stopped_and_ended_as_cancelled() -> None:
    trainer, job = ScriptedTrainer(lambda number: True), Job(asyncio.Event)
    await work(trainer, preparing(job), Retry())
    assert job.stopped
    assert trainer.finished == [(Ledger(executions=3), Cancelled())]


async def test_a_lost_lease_stops_the_work_and_ends_nothing() -> None:
    def beat(number: int) -> bool:
        raise LeaseLost("another worker's")

    trainer, job = ScriptedTrainer(beat), Job(asyncio.Event)
    with pytest.raises(LeaseLost):
        await work(trainer, preparing(job), Retry())
    assert job.stopped
    assert trainer.finished == []
