"""Sees to it that every run has a living worker until it is final.

One loop compares what is stored with the workers that are there, and takes one step towards what should be:
it starts workers for runs that have none, kills those that fell silent or do not stop, and takes the run from
those that are gone. What it does not remember it finds out again, so a service that starts anew, or a step
that failed, needs no code of its own: runs that a former service left behind are simply runs without a
worker.

It does not protect against a second supervisor on the same database, and does not kill workers that a crashed
service left behind; those lose their token when their run is launched again.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from autoflow.errors import FailedPrecondition
from autoflow_trainer import lifecycle
from autoflow_trainer.launcher import Launcher, LaunchFailed, Worker
from autoflow_trainer.lifecycle import RetryPolicy
from autoflow_trainer.notifier import Notifier
from autoflow_trainer.runs import RunRecord, RunState
from autoflow_trainer.store import RunStore

_STEP_TIMEOUT = 30.0
"""Seconds that the last step of the loop has to end when the service stops."""
_KILL_TIMEOUT = 5.0
"""Seconds that a killed worker has to be gone."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the supervisor waits for workers. Seconds."""

    startup: float
    """For the first sign of life of a worker that was started."""
    cancel: float
    """For a worker to end after a cancellation."""
    exit: float
    """For a worker to end after its run did."""
    stop: float
    """For workers to end when the service stops."""


class _Post:
    """A worker on its run."""

    def __init__(self, worker: Worker, on_end: Callable[[], None]) -> None:
        self.worker = worker
        self.end = asyncio.create_task(worker.wait())
        self.end.add_done_callback(lambda _: on_end())
        self.verdict = ""
        """Why it was killed, if it was."""
        self._seen: tuple[RunState | None, float] | None = None

    def time_in(self, state: RunState | None) -> float:
        """Seconds since the run was first seen in this state; None means any final one."""
        now = asyncio.get_running_loop().time()
        if self._seen is None or self._seen[0] is not state:
            self._seen = (state, now)
        return now - self._seen[1]


class Supervisor:
    """Starts, watches and replaces workers.

    Args:
        store: where the runs are.
        launcher: starts workers.
        notifier: tells when a run has changed.
        clock: the time, aware.
        retries: how often a lost worker is replaced.
        patience: how long workers are waited for.
        max_running: workers at a time; other runs wait.
        poll_interval: seconds between two looks where nobody tells of a change.
    """

    def __init__(
        self,
        store: RunStore,
        launcher: Launcher,
        notifier: Notifier,
        *,
        clock: Callable[[], datetime],
        retries: RetryPolicy,
        patience: Patience,
        max_running: int,
        poll_interval: float,
    ) -> None:
        self._store = store
        self._launcher = launcher
        self._notifier = notifier
        self._clock = clock
        self._retries = retries
        self._patience = patience
        self._max_running = max_running
        self._poll_interval = poll_interval
        self._posts: dict[str, _Post] = {}
        self._task: asyncio.Task[None] | None = None
        self._stopping = False

    @property
    def alive(self) -> bool:
        """Whether the loop runs."""
        return self._task is not None and not self._task.done()

    def start(self) -> None:
        """Begins; the first step is taken soon after."""
        self._task = asyncio.create_task(self._supervise())

    async def stop(self) -> None:
        """Ends the loop, then all workers. Their runs stay as they are, for the next service to take up."""
        self._stopping = True
        if self._task is not None:
            self._notifier.changed("")
            # Not cancelled at once: a worker that is just being started must not be lost track of.
            await asyncio.wait({self._task}, timeout=_STEP_TIMEOUT)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for post in self._posts.values():
            post.worker.terminate()
        await self._wait_for_ends(self._patience.stop)
        for post in self._posts.values():
            post.worker.kill()
        await self._wait_for_ends(_KILL_TIMEOUT)
        self._posts.clear()

    async def _wait_for_ends(self, patience: float) -> None:
        if self._posts:
            await asyncio.wait({post.end for post in self._posts.values()}, timeout=patience)

    async def _supervise(self) -> None:
        with self._notifier.subscribe() as bell:
            while not self._stopping:
                try:
                    await self._step()
                except Exception:
                    # The database may be away for a while; the next look may find it again.
                    _log.exception("a step of the supervision failed")
                await bell.wait(self._poll_interval)

    async def _step(self) -> None:
        records = {record.run.id: record for record in await self._store.unfinished()}
        for run_id, post in list(self._posts.items()):
            if post.end.done():
                await self._lose(run_id, post.verdict or post.end.result())
                del self._posts[run_id]
                records.pop(run_id, None)  # Of before the loss; the next step reads it again.
            elif not post.verdict and (verdict := self._judge(post, records.get(run_id))):
                _log.warning("worker killed", extra={"run": run_id, "reason": verdict})
                post.verdict = verdict
                post.worker.kill()
        for run_id, record in records.items():
            if self._stopping:
                return
            if run_id not in self._posts:
                await self._fill(run_id, record)

    def _judge(self, post: _Post, record: RunRecord | None) -> str:
        """Why a worker is to be killed; empty where it may go on.

        Args:
            post: the worker.
            record: its run; None where that is final.
        """
        state = None if record is None else record.run.state
        time_in_state = post.time_in(state)
        if record is None:
            return "did not end after its run" if time_in_state > self._patience.exit else ""
        if state is RunState.CANCELLING and time_in_state > self._patience.cancel:
            return "did not stop when it was asked to"
        expires = record.lease.expires
        return "gave no sign of life" if expires is not None and expires < self._clock() else ""

    async def _fill(self, run_id: str, record: RunRecord) -> None:
        """Gives a run without a worker what it needs."""
        if record.run.state is RunState.CANCELLING:
            await self._lose(run_id, "was gone when the run was cancelled")
        elif len(self._posts) < self._max_running and not self._too_early(record):
            await self._launch(run_id)

    def _too_early(self, record: RunRecord) -> bool:
        return record.launch_after is not None and record.launch_after > self._clock()

    async def _launch(self, run_id: str) -> None:
        token = secrets.token_urlsafe(32)
        expires = self._clock() + timedelta(seconds=self._patience.startup)
        try:
            await self._store.update(run_id, lambda record: lifecycle.launch(record, token, expires))
        except FailedPrecondition:
            return  # Cancelled a moment ago.
        try:
            worker = await self._launcher.launch(f"runs/{run_id}", token)
        except LaunchFailed as error:
            await self._lose(run_id, f"could not be started: {error}")
            return
        _log.info("worker started", extra={"run": run_id})
        self._posts[run_id] = _Post(worker, lambda: self._notifier.changed(run_id))

    async def _lose(self, run_id: str, reason: str) -> None:
        now = self._clock()
        record = await self._store.update(
            run_id, lambda record: lifecycle.lose_worker(record, reason, now, self._retries)
        )
        state, losses = record.run.state.value, record.losses
        _log.info("worker gone", extra={"run": run_id, "reason": reason, "state": state, "losses": losses})
