"""What all phases of a run share: what it is to do, the services, and the gate of the budget."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

from autoflow.suites import Split, Task, TaskSuite
from autoflow_worker.concurrency import Retry
from autoflow_worker.evaluator import Evaluator
from autoflow_worker.ledger import Meter
from autoflow_worker.ports import Generation
from autoflow_worker.refinement import Attempt, Change, Designer
from autoflow_worker.results import IterationReport, Progress
from autoflow_worker.seeds import Purpose, derive
from autoflow_worker.spec import RunSpec

_LARGEST_DRAW = 256
"""Candidates of one request."""


class Journal(Protocol):
    """Where a run leaves what it has done."""

    def progress(self, progress: Progress) -> None:
        """Says how far the run is; never waits."""

    async def commit(self, report: IterationReport, checkpoint: str) -> None:
        """Stores an iteration with the worker's state after it."""

    async def open_test(self, suite_digest: str) -> int:
        """Records that the test split is about to be opened; returns how often it was, this time included."""


@dataclass(frozen=True, slots=True)
class Context:
    """One run's surroundings."""

    spec: RunSpec
    suite: TaskSuite
    generator: Designer
    evaluator: Evaluator
    meter: Meter
    journal: Journal
    retry: Retry

    async def draw(
        self, count: int, *, purpose: Purpose, index: int = 0, adapter: str | None = None
    ) -> Generation:
        """Draws candidates from the goal alone, in as few requests as are allowed.

        Args:
            count: how many, at least 1.
            purpose: what they are for; decides their seeds.
            index: which draw of that purpose.
            adapter: the policy's; empty for the model's own weights. Default: the run's.

        Raises:
            BudgetSpent: the draw was not admitted.
            CallFailed: it failed past all retries.
        """
        chosen = self.spec.generator_adapter if adapter is None else adapter
        return await self._drawn(
            count,
            derive(self.spec.seed, purpose, index),
            lambda count, seed: self.generator.draw(count, seed=seed, adapter=chosen),
        )

    async def refine(
        self, attempts: Sequence[Attempt], change: Change | None, count: int, *, index: int
    ) -> Generation:
        """Draws successors of workflows; see `draw` and `autoflow_worker.refinement.Designer`."""
        adapter = self.spec.generator_adapter
        return await self._drawn(
            count,
            derive(self.spec.seed, Purpose.REFINEMENTS, index),
            lambda count, seed: self.generator.refine(attempts, change, count, seed=seed, adapter=adapter),
        )

    async def _drawn(
        self, count: int, first: int, call: Callable[[int, int], Awaitable[Generation]]
    ) -> Generation:
        parts = [
            await self._draw(min(_LARGEST_DRAW, count - done), first + done, call)
            for done in range(0, count, _LARGEST_DRAW)
        ]
        return Generation(parts[0].prompt, tuple(chain.from_iterable(part.candidates for part in parts)))

    async def _draw(
        self, count: int, seed: int, call: Callable[[int, int], Awaitable[Generation]]
    ) -> Generation:
        self.meter.admit_call()
        generation = await self.retry.call(lambda: call(count, seed))
        for candidate in generation.candidates:
            self.meter.used(candidate.usage)
        return generation

    def training_tasks(self, index: int) -> tuple[Task, ...]:
        """The tasks of an iteration: a stratified draw from the training split."""
        seed = derive(self.spec.seed, Purpose.TASKS, index)
        return self.suite.stratified(Split.TRAIN, self.spec.training.tasks, seed)
