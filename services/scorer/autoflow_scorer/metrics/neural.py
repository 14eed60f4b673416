"""Metrics that are models: contents become embeddings, and embeddings are compared.

A request's contents are read in threads; its pairs then wait in the metric's batcher, among those of all
callers. A batch embeds each content once, whoever asked for it, unless the cache still has it. What is
particular to a kind of model is its `autoflow_scorer.metrics.judging.Judge`.

Imports no torch, so that a scorer that is never asked for such a metric is small and starts at once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Hashable, Sequence
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autoflow.concurrency import gather
from autoflow.errors import AutoFlowError, FailedPrecondition, InvalidArgument
from autoflow.images import UnreadableImage
from autoflow.model_store import ModelStore
from autoflow.suites import Content
from autoflow_scorer.batching import Batcher, BatchReport, Caller, Limits
from autoflow_scorer.engine.cache import EmbeddingCache
from autoflow_scorer.metrics.base import Column, MetricDescription, Options, Pair, Status
from autoflow_scorer.metrics.judging import Item, Job, Judge
from autoflow_scorer.metrics.slicing import slices
from autoflow_scorer.observing import Observer

if TYPE_CHECKING:
    from torch import Tensor

_READ_AT_ONCE = 4
"""Contents that a thread reads before others have their turn; a picture may take a third of a second."""
_READERS = 4
"""Threads that read one request: fewer than there are, so that it keeps no other waiting."""
_KEYS_AT_ONCE = 200_000
"""Characters or bytes after which another request has its turn; that many take about as long."""


@dataclass(frozen=True, slots=True)
class Machinery:
    """What the metrics of a process share."""

    executor: Executor
    """The one thread that computes."""
    models: ModelStore[Judge]
    cache: EmbeddingCache
    limits: Limits
    observer: Observer


class NeuralMetric:
    """A metric that is a model.

    Args:
        description: what it measures.
        load: loads the model; called in a thread when it is first wanted.
        machinery: what it shares with others.
        retry: seconds for which a model that could not be loaded is not tried again.
    """

    def __init__(
        self,
        description: MetricDescription,
        load: Callable[[], Judge],
        machinery: Machinery,
        *,
        retry: float = 30.0,
    ) -> None:
        self.description = description
        self._load = load
        self._machinery = machinery
        self._retry = retry
        self._next_try = 0.0
        self._status = Status()
        self._batcher: Batcher[Job, Tensor] = Batcher(
            self._run, machinery.limits, machinery.executor, self._report
        )

    def status(self) -> Status:
        """How it stands: unavailable once its model could not be loaded, until a later try succeeds."""
        return self._status

    def waiting(self) -> float:
        """The tokens that wait."""
        return self._batcher.waiting_cost

    async def load(self, *, warm_up: bool = False) -> None:
        """Loads the model if it is not in memory; where it cannot be loaded, the metric is unavailable.

        Args:
            warm_up: whether to compile what will be needed, which may take minutes.

        Raises:
            FailedPrecondition: it is larger than the memory that models may have.
            ResourceExhausted: those that are in use leave no room for it.
        """
        try:
            async with self._judge() as judge:
                if warm_up:
                    await self._warm_up(judge)
        except FailedPrecondition:
            if not self._status.unavailable:
                raise

    async def score(self, pairs: Sequence[Pair], options: Options, caller: Caller) -> Column:
        """Scores pairs; see `Metric`."""
        # Loading and reading are work, too: whoever will be refused is refused before it.
        self._batcher.admit(caller)
        async with self._judge() as judge:
            with self._machinery.observer.stage(self.description.name, "read"):
                items = await self._read(judge, pairs)
                jobs = await asyncio.to_thread(judge.jobs, items, options)
            rows = await self._batcher.submit(jobs, _costs(jobs), caller=caller)
            return await asyncio.to_thread(judge.finish, rows, options)

    async def _warm_up(self, judge: Judge) -> None:
        """Step by step in the thread that computes, so that it ends soon where the process is to end."""
        started, steps, done = time.monotonic(), judge.warm_up(), 0
        loop, executor = asyncio.get_running_loop(), self._machinery.executor
        while await loop.run_in_executor(executor, next, steps, True) is None:
            done += 1
        if done:
            self._machinery.observer.warmed_up(self.description.name, done, time.monotonic() - started)

    @asynccontextmanager
    async def _judge(self) -> AsyncIterator[Judge]:
        """Holds the model in memory for the length of the block."""
        if time.monotonic() < self._next_try:
            raise self._refusal()
        async with self._machinery.models.use(self.description.name, self._try_to_load) as judge:
            self._status = Status(model_digest=judge.digest)
            yield judge

    def _try_to_load(self) -> Judge:
        """Loads the model, in a thread, and notes where it cannot be."""
        try:
            return self._load()
        except AutoFlowError:
            raise
        except Exception as error:  # Files are damaged in many ways, and libraries tell it in as many.
            # The message of a hub or a file system may name addresses and paths of ours.
            self._status = Status(unavailable="its model cannot be loaded; the log of the scorer says why")
            self._next_try = time.monotonic() + self._retry
            self._machinery.observer.unloadable(self.description.name, error)
            raise self._refusal() from None

    def _refusal(self) -> FailedPrecondition:
        return FailedPrecondition(
            f"the metric {self.description.name!r} is not available: {self._status.unavailable}"
        )

    async def _read(self, judge: Judge, pairs: Sequence[Pair]) -> list[tuple[Item, Item]]:
        """Makes items of a request's contents, equal contents the same item."""
        contents: list[Content] = []
        fields: list[str] = []
        for index, pair in enumerate(pairs):
            assert isinstance(pair.reference, str | bytes)
            contents += (pair.output, pair.reference)
            fields += (f"pairs[{index}].output.image", f"pairs[{index}].content.image")
        keys: list[Hashable] = []
        for some in slices(contents, len, _KEYS_AT_ONCE):
            keys += await asyncio.to_thread(judge.keys, some)
        items: dict[Hashable, Item] = {}
        unread: list[tuple[Item, Content, str]] = []
        for key, content, field in zip(keys, contents, fields, strict=True):
            if key not in items:
                items[key] = Item(key, embedding=self._machinery.cache.get((self.description.name, key)))
                if items[key].embedding is None:
                    unread.append((items[key], content, field))
        parts = (unread[start : start + _READ_AT_ONCE] for start in range(0, len(unread), _READ_AT_ONCE))

        async def read_parts() -> None:
            for some in parts:
                await asyncio.to_thread(_read_some, judge, some)

        await gather(read_parts() for _ in range(_READERS))
        self._machinery.observer.lookups(self.description.name, len(items) - len(unread), len(unread))
        made = [items[key] for key in keys]
        return list(zip(made[::2], made[1::2], strict=True))

    def _run(self, jobs: Sequence[Job]) -> list[Tensor]:
        """Computes a batch, in the thread that computes."""
        return list(jobs[0].judge.in_memory(self._compute, jobs).unbind())

    def _compute(self, jobs: Sequence[Job]) -> Tensor:
        judge, observer = jobs[0].judge, self._machinery.observer
        with observer.stage(self.description.name, "embed", judge.settle):
            self._embed(judge, jobs)
        with observer.stage(self.description.name, "compare"):
            return judge.compare(jobs)

    def _embed(self, judge: Judge, jobs: Sequence[Job]) -> None:
        """Gives every item of the jobs its embedding."""
        missing: dict[Hashable, list[Item]] = {}
        for job in jobs:
            for item in (job.output, job.reference):
                if item.embedding is None:
                    missing.setdefault(item.key, []).append(item)
        cache, name = self._machinery.cache, self.description.name
        found = {key: cache.get((name, key)) for key in missing}
        new = [key for key, embedding in found.items() if embedding is None]
        for key, embedding in zip(new, judge.embed([missing[key][0].payload for key in new]), strict=True):
            found[key] = embedding
            cache.put((name, key), embedding)
        for key, items in missing.items():
            for item in items:
                item.embedding, item.payload = found[key], None

    def _report(self, report: BatchReport) -> None:
        self._machinery.observer.batch(self.description.name, report, self._machinery.limits.budget)


def _read_some(judge: Judge, unread: Sequence[tuple[Item, Content, str]]) -> None:
    for item, content, field in unread:
        try:
            item.payload = judge.read(content, item.key)
        except UnreadableImage as error:
            raise InvalidArgument(field, str(error)) from None
        item.cost = judge.cost(item.payload)


def _costs(jobs: Sequence[Job]) -> list[int]:
    """What each job costs: the tokens that no job before it has brought along, and one for the comparison."""
    seen: set[int] = set()
    costs = []
    for job in jobs:
        cost = 1
        for item in (job.output, job.reference):
            if id(item) not in seen:
                seen.add(id(item))
                cost += item.cost
        costs.append(cost)
    return costs
