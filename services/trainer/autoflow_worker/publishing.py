"""What becomes of a run's result: a page for people, and a version in the registry."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from autoflow import prompts
from autoflow.suites import Split
from autoflow_worker.concurrency import patiently
from autoflow_worker.context import Context, Journal
from autoflow_worker.evaluator import Row
from autoflow_worker.flags import Flag, FlagKind
from autoflow_worker.ledger import Ledger
from autoflow_worker.ports import Artifacts, CallFailed
from autoflow_worker.results import IterationReport, Progress, Result
from autoflow_worker.run_page.page import render
from autoflow_worker.run_page.story import Story
from autoflow_worker.run_page.tallies import StepTallies
from autoflow_worker.spec import RunSpec
from autoflow_worker.trust import WINNER

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Discovery:
    """A winner as the registry keeps it."""

    spec: RunSpec
    result: Result
    parents: tuple[str, ...]
    """Digests of the workflows that it was made from."""
    cost: Ledger


class Chronicle:
    """A journal that remembers what was committed.

    Args:
        journal: where everything goes.
        iterations: what earlier workers committed.
    """

    def __init__(self, journal: Journal, iterations: Iterable[IterationReport]) -> None:
        self._journal = journal
        self.iterations = list(iterations)

    def progress(self, progress: Progress) -> None:
        """Says how far the run is; never waits."""
        self._journal.progress(progress)

    async def commit(self, report: IterationReport, checkpoint: str) -> None:
        """Stores an iteration with the worker's state after it."""
        await self._journal.commit(report, checkpoint)
        self.iterations.append(report)

    async def open_test(self, suite_digest: str) -> int:
        """Records that the test split is about to be opened; returns how often it was, this time included."""
        return await self._journal.open_test(suite_digest)


class Registry(Protocol):
    """Keeps workflows."""

    async def register(self, found: Discovery) -> str:
        """Adds a version, once for a run, however often it is called; returns its name.

        Raises:
            CallFailed: the registry could not serve.
        """


@dataclass(frozen=True, slots=True)
class Publisher:
    """Publishes one run's result."""

    context: Context
    chronicle: Chronicle
    tallies: StepTallies
    artifacts: Artifacts
    registry: Registry

    async def publish(self, result: Result, rows: dict[str, Row]) -> Result:
        """Stores the page, registers a winner that may be, and returns the result with both.

        Where the registry is away, the result says so: all that was measured is worth more than a name, and
        whoever has the result can register it.

        Args:
            result: everything else.
            rows: scores on the test tasks, by contestant.

        Raises:
            CallFailed: the artifact store could not serve, past all retries.
        """
        if self.context.spec.register_as and (result.acceptance is None or result.acceptance.accepted):
            result = await self._registered(result)
        return replace(result, page=await self._page(result, rows))

    async def _page(self, result: Result, rows: dict[str, Row]) -> str:
        """The page's artifact; empty where it could not be made: that costs a page and not the result."""
        try:
            page = await asyncio.to_thread(render, self._story(result, rows))
        except Exception:
            _log.exception("the page could not be made")
            return ""
        return await patiently(self.context.retry, lambda: self.artifacts.put(page))

    async def _registered(self, result: Result) -> Result:
        parents = self._parents(result.winner.digest)
        found = Discovery(self.context.spec, result, parents, self.context.meter.ledger)
        try:
            name = await self.context.retry.call(lambda: self.registry.register(found))
        except CallFailed as error:
            words = f"it was not registered as {self.context.spec.register_as}: {error.message}"
            return replace(result, flags=(*result.flags, Flag(FlagKind.UNREGISTERED, WINNER, words)))
        return replace(result, registered=name)

    def _parents(self, digest: str) -> tuple[str, ...]:
        for iteration in self.chronicle.iterations:
            for candidate in iteration.candidates:
                if candidate.digest == digest:
                    return candidate.parents
        return ()

    def _story(self, result: Result, rows: dict[str, Row]) -> Story:
        return Story(
            spec=self.context.spec,
            title=self.context.suite.title,
            iterations=self.chronicle.iterations,
            result=result,
            tasks=self.context.suite.tasks(Split.TEST),
            rows=rows,
            steps=self.tallies.of(result.winner),
            ledger=self.context.meter.ledger,
            prompt_version=prompts.VERSION,
        )
