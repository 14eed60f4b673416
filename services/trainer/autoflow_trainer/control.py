"""What callers can do: create runs, look at them, follow them, and stop them."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

from autoflow import paging
from autoflow.errors import AlreadyExists, Unavailable
from autoflow_trainer import lifecycle
from autoflow_trainer.notifier import Notifier
from autoflow_trainer.requests import RunRequest, validate
from autoflow_trainer.runs import Run, RunRecord, RunState
from autoflow_trainer.store import RunStore
from autoflow_trainer.suites import Suite

_RUNS = "runs"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A run at one moment."""

    run: Run
    iterations: tuple[bytes, ...] = ()
    """Payloads of iterations, in order; which ones depends on what was asked for."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some of all runs."""

    runs: tuple[Run, ...]
    """The newest first, without their results."""
    next_page_token: str
    """Empty on the last page."""


class ControlPlane:
    """The callers' side of runs.

    Args:
        store: where the runs are.
        notifier: tells when a run has changed.
        find_suite: finds the suite of an id; raises NotFound.
        power_of: how small a difference a run on a suite can tell from chance, as it is kept.
        clock: the time, aware.
        max_waiting: runs that may wait for a worker; one more is refused.
        poll_interval: seconds after which a watcher looks for changes that nobody told of.
    """

    def __init__(
        self,
        store: RunStore,
        notifier: Notifier,
        *,
        find_suite: Callable[[str], Awaitable[Suite]],
        power_of: Callable[[RunRequest, Suite], bytes],
        clock: Callable[[], datetime],
        max_waiting: int,
        poll_interval: float,
    ) -> None:
        self._store = store
        self._notifier = notifier
        self._find_suite = find_suite
        self._power_of = power_of
        self._clock = clock
        self._max_waiting = max_waiting
        self._poll_interval = poll_interval

    async def create(self, request: RunRequest, request_id: str | None) -> Snapshot:
        """Creates a run, or returns the one that the same request created before.

        Args:
            request: what is wanted.
            request_id: the caller's own id of the request; None creates a run in any case.

        Raises:
            AlreadyExists: the request_id belongs to another request.
            InvalidArgument, NotFound: no worker could serve the request.
            ResourceExhausted: too many runs wait.
        """
        # Before anything is judged: a repeated request gets its run even where the queue is full by now.
        if request_id is not None and (known := await self._store.find_request(request_id)):
            return await self._replay(known, request)
        suite = await self._find_suite(request.suite)
        validate(request, suite.sizes, judged=suite.judged)
        run = Run(
            id=secrets.token_hex(8),
            spec=request.spec,
            state=RunState.PENDING,
            create_time=self._clock(),
            suite_artifact=suite.artifact,
            power=self._power_of(request, suite),
        )
        record = await self._store.insert(run, request_id, max_waiting=self._max_waiting)
        return await self._replay(record, request)

    async def get(self, run_id: str) -> Snapshot:
        """A run with all its iterations.

        Raises:
            NotFound: there is no such run.
        """
        return await self._snapshot(await self._store.get(run_id))

    async def list(self, page_size: int, token: str) -> Page:
        """A page of runs.

        Args:
            page_size: how many; 0 means the default.
            token: the `next_page_token` of the page before; empty means the first page.

        Raises:
            InvalidArgument: this service made no such token.
        """
        size = paging.page_size(page_size)
        # One more than asked for tells whether there is a next page.
        records = await self._store.page(paging.page_start(token, _RUNS), size + 1)
        shown, next_token = paging.cut(records, size, _RUNS, attrgetter("sequence"))
        return Page(tuple(record.run for record in shown), next_token)

    async def watch(self, run_id: str, after: int) -> AsyncGenerator[Snapshot, None]:
        """Yields the run as it stands, then after every change, until it is final.

        Changes that come while the caller is busy with the one before are yielded as one; no iteration is
        left out, and none is yielded twice.

        Args:
            run_id: the run.
            after: iterations that the caller has already.

        Raises:
            NotFound: there is no such run.
            Unavailable: the service is stopping.
        """
        with self._notifier.subscribe(run_id) as bell:
            sent: Run | None = None
            while sent is None or not sent.state.final:
                record = await self._store.get(run_id)
                if record.run != sent:
                    yield await self._snapshot(record, after)
                    sent, after = record.run, max(after, record.run.committed)
                if not record.run.state.final:
                    await bell.wait(self._poll_interval)
                    if self._notifier.closed:
                        raise Unavailable("the service is stopping; watch the run again later")

    async def cancel(self, run_id: str) -> Snapshot:
        """Asks a run to stop; a final one is left as it is.

        Raises:
            NotFound: there is no such run.
        """
        now = self._clock()
        return await self._snapshot(
            await self._store.update(run_id, lambda record: lifecycle.cancel(record, now))
        )

    async def _replay(self, record: RunRecord, request: RunRequest) -> Snapshot:
        if record.run.spec != request.spec:
            raise AlreadyExists("the request_id was used for another run")
        return await self._snapshot(record)

    async def _snapshot(self, record: RunRecord, start: int = 0) -> Snapshot:
        return Snapshot(record.run, tuple(await self._store.iterations(record, start)))
