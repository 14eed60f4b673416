"""Any sequence of calls by callers, workers and the supervisor does what a simple model says.

The model knows nothing of versions, digests or transactions: only who holds the run, what was committed, and
where the run stands. Workers of all past launches and leases keep calling.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from autoflow.errors import Aborted, AutoFlowError, FailedPrecondition, Unauthenticated
from autoflow.methods import Method
from autoflow.store.engine import create_engine
from autoflow.suites import Split
from autoflow.suites.saving import SuiteHead
from autoflow_trainer import lifecycle
from autoflow_trainer.control import ControlPlane
from autoflow_trainer.leases import Leases
from autoflow_trainer.lifecycle import RetryPolicy
from autoflow_trainer.notifier import Notifier
from autoflow_trainer.requests import OptimizationRequest
from autoflow_trainer.runs import (
    Cancelled,
    Claim,
    Failed,
    Failure,
    Iteration,
    Outcome,
    Progress,
    RunState,
    Succeeded,
)
from autoflow_trainer.store import RunStore
from autoflow_trainer.suites import Suite

POLICY = RetryPolicy(max_losses=2, first_delay=timedelta(seconds=1))
REQUEST = OptimizationRequest(b"spec", "planning", Method.RLOO, 0, "")
SUITE = Suite(
    "planning", SuiteHead("planning", "Plan.", ()), "", dict.fromkeys(Split, 1), dict.fromkeys(Split, 1)
)
OUTCOMES: list[Outcome] = [Succeeded(b"result"), Failed(Failure(13, "broken", b"status")), Cancelled()]
PROGRESSES = [None, Progress("learning", 1, 3), Progress("testing", 0, 0)]
SELDOM = st.sampled_from([False, False, False, True])
"""Whether to do what soon ends a run; else hardly one would live long enough to be of interest."""
STATE_OF = {
    Succeeded: RunState.SUCCEEDED,
    Failed: RunState.FAILED,
    Cancelled: RunState.CANCELLED,
}


@dataclass(frozen=True)
class Grip:
    """A worker's hold on the run, live or stale."""

    launch: int
    claim: Claim


class RunMachine(RuleBasedStateMachine):
    """One run on a real database, beside its model."""

    grips = Bundle("grips")

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._folder = tempfile.TemporaryDirectory()
        self._engine = create_engine(f"sqlite+aiosqlite:///{Path(self._folder.name) / 'runs.db'}")
        # Each look at the clock is a second later.
        self._now = datetime(2026, 1, 1, tzinfo=UTC)

        def clock() -> datetime:
            self._now += timedelta(seconds=1)
            return self._now

        notifier = Notifier()
        self._store = RunStore(self._engine, on_change=notifier.changed)

        async def built_in(suite: str) -> Suite:
            return SUITE

        self._control = ControlPlane(
            self._store,
            notifier,
            find_suite=built_in,
            power_of=lambda request, suite: b"",
            clock=clock,
            max_waiting=1,
            poll_interval=1,
        )
        self._leases = Leases(
            self._store, clock=clock, lease_duration=timedelta(seconds=30), kind_of=lambda _: ""
        )
        self._clock = clock
        # The model.
        self.state = RunState.PENDING
        self.committed: list[bytes] = []
        self.last_commit: tuple[Claim, Iteration] | None = None
        self.live_launch: int | None = None
        self.launches = 0
        self.holder: Claim | None = None
        self.losses = 0
        self.progress: Progress | None = None
        self.end: tuple[Outcome, bytes] | None = None

    def teardown(self) -> None:
        self._runner.run(self._engine.dispose())
        self._runner.close()
        self._folder.cleanup()

    @initialize()
    def create(self) -> None:
        self._runner.run(self._store.migrate())
        self.run_id = self._runner.run(self._control.create(REQUEST, None)).run.id

    # What the supervisor does.

    @rule(now_and_then=SELDOM)
    def launch(self, now_and_then: bool) -> None:
        if self.launches and not now_and_then:
            return
        self.launches += 1
        token = f"token-{self.launches}"
        expires = self._clock()
        refused = FailedPrecondition if self.state not in (RunState.PENDING, RunState.RUNNING) else None
        self._expect(
            refused,
            self._store.update(self.run_id, lambda record: lifecycle.launch(record, token, expires)),
        )
        if refused is None:
            self.live_launch, self.holder = self.launches, None

    @rule(now_and_then=SELDOM)
    def lose_worker(self, now_and_then: bool) -> None:
        if not now_and_then:
            return
        now = self._clock()
        self._expect(
            None,
            self._store.update(
                self.run_id, lambda record: lifecycle.lose_worker(record, "vanished", now, POLICY)
            ),
        )
        if self.state is RunState.CANCELLING:
            self.state = RunState.CANCELLED
        elif not self.state.final:
            self.losses += 1
            self.live_launch, self.holder = None, None
            if self.losses == POLICY.max_losses:
                self.state = RunState.FAILED
            else:
                self.progress = Progress("waiting for another worker: the last one vanished", 0, 0)

    # What callers do.

    @rule(now_and_then=SELDOM)
    def cancel(self, now_and_then: bool) -> None:
        if not now_and_then:
            return
        self._expect(None, self._control.cancel(self.run_id))
        if self.state is RunState.PENDING:
            self.state = RunState.CANCELLED
        elif self.state is RunState.RUNNING:
            self.state = RunState.CANCELLING

    # What workers do, also those that should not any more.

    @rule(target=grips, past=st.sampled_from([0, 0, 0, 1, 2]))
    def lease(self, past: int) -> Any:
        launch = self.launches - past
        error: type[AutoFlowError] | None = None
        if self.live_launch is None or launch != self.live_launch:
            error = Unauthenticated
        elif self.state.final:
            error = FailedPrecondition
        grant = self._expect(error, self._leases.lease(self.run_id, f"token-{launch}"))
        if error is not None:
            return multiple()
        claim = Claim(f"token-{launch}", grant.fencing_token)
        assert list(grant.snapshot.iterations) == self.committed
        assert grant.checkpoint == (f"checkpoint-{len(self.committed) - 1}" if self.committed else "")
        if self.state is RunState.PENDING:
            self.state = RunState.RUNNING
        self.holder = claim
        return Grip(launch, claim)

    @rule(grip=grips, progress=st.sampled_from(PROGRESSES))
    def heartbeat(self, grip: Grip, progress: Progress | None) -> None:
        error = self._refusal(grip)
        cancel = self._expect(error, self._leases.heartbeat(self.run_id, grip.claim, progress))
        if error is None:
            assert cancel is (self.state is RunState.CANCELLING)
            self.progress = progress or self.progress

    @rule(grip=grips, offset=st.sampled_from([-2, -1, 0, 0, 0, 1]), content=st.sampled_from([b"a", b"b"]))
    def commit(self, grip: Grip, offset: int, content: bytes) -> None:
        index = max(0, len(self.committed) + offset)
        iteration = Iteration(index, content, f"ledger-{index}".encode(), f"checkpoint-{index}")
        error = self._refusal(grip)
        again = self.last_commit == (grip.claim, iteration)
        if error is None and index != len(self.committed) and not again:
            error = FailedPrecondition
        self._expect(error, self._leases.commit(self.run_id, grip.claim, iteration))
        if error is None and not again:
            self.committed.append(content)
            self.last_commit = (grip.claim, iteration)
            self.losses = 0

    @rule(grip=grips)
    def open_test(self, grip: Grip) -> None:
        error = self._refusal(grip)
        openings = self._expect(error, self._leases.open_test(self.run_id, grip.claim, "digest"))
        assert error is not None or openings == 1

    @rule(
        grip=grips,
        outcome=st.sampled_from(OUTCOMES),
        ledger=st.sampled_from([b"x", b"y"]),
        now_and_then=SELDOM,
    )
    def finish(self, grip: Grip, outcome: Outcome, ledger: bytes, now_and_then: bool) -> None:
        if not now_and_then:
            return
        error = self._refusal(grip)
        again = error is FailedPrecondition and self.end == (outcome, ledger)
        if again:
            error = None
        elif error is None and isinstance(outcome, Cancelled) and self.state is not RunState.CANCELLING:
            error = FailedPrecondition
        self._expect(error, self._leases.finish(self.run_id, grip.claim, outcome, ledger))
        if error is None:
            self.state = STATE_OF[type(outcome)]
            self.end = (outcome, ledger)

    @invariant()
    def the_stored_run_is_the_model(self) -> None:
        if self.launches == 0 and not hasattr(self, "run_id"):
            return
        snapshot = self._runner.run(self._control.get(self.run_id))
        run = snapshot.run
        assert run.state is self.state
        assert list(snapshot.iterations) == self.committed
        assert run.committed == len(self.committed)
        assert run.progress == self.progress
        assert (run.end_time is not None) is self.state.final
        assert run.start_time is None or run.start_time >= run.create_time
        if self.end is not None:
            outcome, ledger = self.end
            assert run.ledger == ledger
            assert run.result == (outcome.result if isinstance(outcome, Succeeded) else b"")
            assert run.failure == (outcome.failure if isinstance(outcome, Failed) else None)
        elif self.committed:
            assert run.ledger == f"ledger-{len(self.committed) - 1}".encode()

    def _refusal(self, grip: Grip) -> type[AutoFlowError] | None:
        """Why a worker's call is refused, whatever it asks for."""
        if grip.launch != self.live_launch:
            return Unauthenticated
        if grip.claim != self.holder:
            return Aborted
        return FailedPrecondition if self.state.final else None

    def _expect(self, error: type[AutoFlowError] | None, call: Awaitable[Any]) -> Any:
        async def make() -> Any:
            return await call

        if error is None:
            return self._runner.run(make())
        with pytest.raises(error) as refused:
            self._runner.run(make())
        assert refused.type is error
        return None


TestRunMachine = RunMachine.TestCase
TestRunMachine.settings = settings(
    max_examples=25,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
