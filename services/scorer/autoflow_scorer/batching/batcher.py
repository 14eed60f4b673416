"""Runs the jobs of many callers in batches, one batch after the other, in a thread.

While a batch runs the next one gathers, so under load batches fill by themselves; after a pause the first job
waits a short linger for company. A request whose caller gave up, or whose deadline passed, takes its jobs out
of the queue before anything is computed for them.

Admission is by waiting work, not by requests: whoever comes when `Limits.waiting` is used up is refused with
the time that the queue needs, and so is a caller who has had more than a share and would wait as long for the
others. The last quarter is kept for callers with nothing in the queue, half of it for those whose whole
connection has nothing there, so that a few busy ones cannot keep them out. So nobody who was admitted waits
for much more than the batch that runs and the next. A large request enters the queue slice by slice, and is
as patient as its deadline.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

from autoflow.errors import ResourceExhausted
from autoflow_scorer.batching.fair_queue import Caller, FairQueue

Job = TypeVar("Job")
Result = TypeVar("Result")

_FIRST_RATE = 1_000.0
"""Cost a second, assumed until the first batch has run."""
_SMOOTHING = 0.2
_OPEN_SHARE = 0.75
"""Of what may wait, for callers who wait for something already."""
_PEER_SHARE = 0.875
"""The same for callers whose peer does."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of a batcher; costs are in whatever unit the jobs' costs are, such as tokens."""

    budget: int
    """The most that a batch costs, but for a single job that costs more."""
    linger: float = 0.002
    """Seconds that a job waits for company where nothing runs."""
    waiting: int | None = None
    """The work that may wait; None: as much as one batch."""

    @property
    def waiting_cost(self) -> int:
        """The work that may wait, as a cost."""
        return self.budget if self.waiting is None else self.waiting


@dataclass(frozen=True, slots=True)
class BatchReport:
    """How a batch went."""

    jobs: int
    cost: int
    """Over the budget, it is the batch's fill."""
    requests: int
    """How many requests are in it."""
    longest_wait: float
    """Seconds that the oldest of them waited."""
    seconds: float
    """That it took to compute."""


class _Part(Generic[Result]):
    """The jobs of one request that wait together, and what has come of them."""

    def __init__(self, jobs: int) -> None:
        self._results: list[Result | None] = [None] * jobs
        self._missing = jobs
        self.since = time.perf_counter()
        self.done: asyncio.Future[list[Result]] = asyncio.get_running_loop().create_future()

    def put(self, index: int, result: Result) -> None:
        self._results[index] = result
        self._missing -= 1
        if not self._missing and not self.done.done():
            self.done.set_result(cast("list[Result]", self._results))

    def fail(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)


@dataclass(slots=True, eq=False)
class _Ticket(Generic[Job, Result]):
    """A job on its way."""

    job: Job
    cost: int
    part: _Part[Result]
    index: int
    """Its place in the part."""


class Batcher(Generic[Job, Result]):
    """Merges jobs into batches. For use in one event loop.

    Args:
        run: computes a batch, called in the executor; gives one result for each job, in order.
        limits: its bounds.
        executor: where `run` runs; shared by batchers that share a device.
        report: told of each batch that ran.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Job]], Sequence[Result]],
        limits: Limits,
        executor: Executor,
        report: Callable[[BatchReport], None] = lambda _: None,
    ) -> None:
        self._run = run
        self._limits = limits
        self._executor = executor
        self._report = report
        self._queue: FairQueue[_Ticket[Job, Result]] = FairQueue()
        self._runner: asyncio.Task[None] | None = None
        self._full = asyncio.Event()
        self._rate = _FIRST_RATE

    @property
    def waiting_cost(self) -> int:
        """The work that waits now."""
        return self._queue.cost

    async def submit(self, jobs: Sequence[Job], costs: Sequence[int], *, caller: Caller) -> list[Result]:
        """Runs a request's jobs among those of others.

        Args:
            jobs: what to run.
            costs: of each job, 1 or more.
            caller: who asks; each peer has the same share, and within it each name.

        Returns:
            A result for each job, in order.

        Raises:
            ResourceExhausted: too much waits already; says after how many seconds to come again.
            Exception: whatever `run` raised for a batch with one of these jobs.
        """
        self.admit(caller)
        results: list[Result] = []
        start = 0
        while start < len(jobs):
            end = self._slice_end(costs, start)
            results += await self._submit_slice(jobs[start:end], costs[start:end], caller)
            start = end
        return results

    def admit(self, caller: Caller) -> None:
        """Refuses a caller for whom there is no room; for those who have much to prepare before they submit.

        Raises:
            ResourceExhausted: as `submit`.
        """
        share = _PEER_SHARE if self._queue.cost_of_peer(caller.peer) else 1.0
        if self._queue.cost_of(caller):
            share = _OPEN_SHARE
        ahead = max(self._queue.cost, self._queue.lag(caller))
        if ahead >= self._limits.waiting_cost * share:
            raise ResourceExhausted(
                "more work waits than can be done in time", retry_after=ahead / self._rate
            )

    def _slice_end(self, costs: Sequence[int], start: int) -> int:
        """Where the slice that begins at `start` ends: as many jobs as fill a batch, at least one."""
        cost, end = 0, start
        while end < len(costs) and (end == start or cost + costs[end] <= self._limits.budget):
            cost += costs[end]
            end += 1
        return end

    async def _submit_slice(self, jobs: Sequence[Job], costs: Sequence[int], caller: Caller) -> list[Result]:
        part = _Part[Result](len(jobs))
        entries = [
            self._queue.put(caller, cost, _Ticket(job, cost, part, index))
            for index, (job, cost) in enumerate(zip(jobs, costs, strict=True))
        ]
        self._wake()
        try:
            return await part.done
        finally:
            for entry in entries:
                self._queue.drop(entry)

    def _wake(self) -> None:
        if self._queue.cost >= self._limits.budget:
            self._full.set()
        if self._runner is None or self._runner.done():
            self._runner = asyncio.get_running_loop().create_task(self._run_batches())

    async def _run_batches(self) -> None:
        """Runs batches until nothing waits."""
        await self._linger()
        while tickets := list(self._queue.take(self._limits.budget)):
            self._full.clear()
            await self._run_batch(tickets)

    async def _linger(self) -> None:
        try:
            async with asyncio.timeout(self._limits.linger):
                await self._full.wait()
        except TimeoutError:
            pass

    async def _run_batch(self, tickets: Sequence[_Ticket[Job, Result]]) -> None:
        loop = asyncio.get_running_loop()
        started = time.perf_counter()
        try:
            results = await loop.run_in_executor(
                self._executor, self._run, [ticket.job for ticket in tickets]
            )
        except Exception as error:
            for ticket in tickets:
                ticket.part.fail(error)
            return
        for ticket, result in zip(tickets, results, strict=True):
            ticket.part.put(ticket.index, result)
        self._note(tickets, time.perf_counter() - started)

    def _note(self, tickets: Sequence[_Ticket[Job, Result]], seconds: float) -> None:
        cost = sum(ticket.cost for ticket in tickets)
        self._rate += _SMOOTHING * (cost / max(seconds, 1e-6) - self._rate)
        requests = len({id(ticket.part) for ticket in tickets})
        oldest = min(ticket.part.since for ticket in tickets)
        waited = time.perf_counter() - seconds - oldest
        self._report(BatchReport(len(tickets), cost, requests, waited, seconds))
