"""Executes workflows on tasks and scores what they answer: once for each pair and seed, whoever asks.

A cell is one workflow on one task, with one seed. It holds a score, or nothing where the infrastructure
failed past all retries: such a cell is *missing*, is counted, and never is a low score. What a workflow
itself does wrong is a score of 0: not being valid (then it is not even executed), ending without an answer,
answering what is no plan.

Executions are greedy, or have a seed, so that a cell has one result and a cached result stands for any
repetition. This does not protect against an interpreter that changes under the same name: its identity names
the model and the version of the prompts, not the weights.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from autoflow.concurrency import gather
from autoflow.suites import Task
from autoflow_worker.cache import EvaluationCache
from autoflow_worker.concurrency import Retry
from autoflow_worker.ledger import Ledger, Meter
from autoflow_worker.ports import CallFailed, Execution, Interpreter, Score, Scorer, TimedOut, Workflow

Assignment = tuple[Workflow | None, Sequence[Task]]
"""What to measure on which tasks; None stands for a candidate that is no valid workflow: 0 on every task."""

Row = tuple[Score | None, ...]
"""One workflow on some tasks, in their order; None where the cell is missing."""

OnMeasured = Callable[[Workflow, Task, Execution, Score], None]
"""Is told of every cell that was filled by an execution, and not by the cache."""

OnProgress = Callable[[int, int], None]
"""Is told how many executions have ended, of how many."""

_ZERO = Score(plan_valid=False, reward=0.0)


@dataclass(frozen=True, slots=True)
class _Cell:
    workflow: Workflow
    task: Task
    seed: int


class Evaluator:
    """Fills cells, from the cache or by execution.

    Args:
        interpreter: executes.
        scorer: scores.
        meter: is asked before each call, and told what each cost.
        retry: what is done about failed calls.
        concurrency: executions in flight at most.
        score_batch: answers in one call of the scorer at most. Executions are scored when all of their batch
            have ended, while others are still under way.
        unanswered: what an execution is worth that ended without an answer. Default: nothing.
        on_measured: is told of fresh cells.
        cache: what is known already; others may share it. Default: one of its own.
    """

    def __init__(
        self,
        interpreter: Interpreter,
        scorer: Scorer,
        meter: Meter,
        *,
        retry: Retry | None = None,
        concurrency: int = 128,
        score_batch: int = 512,
        unanswered: Callable[[Task], Score] | None = None,
        on_measured: OnMeasured = lambda workflow, task, execution, score: None,
        cache: EvaluationCache | None = None,
    ) -> None:
        self._interpreter = interpreter
        self._scorer = scorer
        self._meter = meter
        self._retry = retry or Retry()
        self._slots = asyncio.Semaphore(concurrency)
        self._score_batch = score_batch
        self._unanswered = unanswered or (lambda task: _ZERO)
        self._on_measured = on_measured
        self.cache = EvaluationCache(interpreter.identity) if cache is None else cache

    async def evaluate(
        self,
        assignments: Sequence[Assignment],
        *,
        seed: int = 0,
        on_progress: OnProgress = lambda done, total: None,
    ) -> list[Row]:
        """Fills the cells of all assignments, all side by side.

        Args:
            assignments: may repeat workflows and tasks; a cell is filled once.
            seed: of the executions; without a temperature it must be 0, for it changes nothing.
            on_progress: called with the executions that have ended, well or not, and all that are needed.

        Returns:
            A row for each assignment, in order.

        Raises:
            BudgetSpent: a call was not admitted; those in flight were cancelled.
        """
        cells = [
            _Cell(workflow, task, seed)
            for workflow, tasks in assignments
            if workflow is not None
            for task in tasks
        ]
        unknown = {
            (cell.workflow.digest, cell.task.digest): cell for cell in cells if self._known(cell) is None
        }
        found = await self._measure(list(unknown.values()), on_progress)
        self._count(cells, found)
        return [self._row(workflow, tasks, seed) for workflow, tasks in assignments]

    async def _measure(self, cells: Sequence[_Cell], on_progress: OnProgress) -> int:
        """Executes and scores cells into the cache; returns how many of them now have a score."""
        ended = itertools.count(1)
        batches = (cells[at : at + self._score_batch] for at in range(0, len(cells), self._score_batch))
        found = await gather(
            self._measure_batch(batch, lambda: on_progress(next(ended), len(cells))) for batch in batches
        )
        return sum(found)

    async def _measure_batch(self, cells: Sequence[_Cell], on_end: Callable[[], None]) -> int:
        executions = await gather(self._execute(cell, on_end) for cell in cells)
        answered: list[tuple[_Cell, Execution, str]] = []
        found = 0
        for cell, execution in zip(cells, executions, strict=True):
            if execution is None:
                continue
            if execution.answer is None:
                self._keep(cell, execution, self._unanswered(cell.task))
                found += 1
            else:
                answered.append((cell, execution, execution.answer))
        return found + (await self._score(answered) if answered else 0)

    async def _execute(self, cell: _Cell, on_end: Callable[[], None]) -> Execution | None:
        async with self._slots:
            try:
                return await self._retry.call(lambda: self._execute_once(cell))
            except CallFailed:
                return None
            finally:
                on_end()

    async def _execute_once(self, cell: _Cell) -> Execution:
        self._meter.admit_execution()
        try:
            execution = await self._interpreter.execute(cell.workflow, cell.task, seed=cell.seed)
        except BaseException as error:
            self._meter.execution_failed()
            if isinstance(error, TimedOut):
                self._meter.used(error.usage)
            raise
        self._meter.execution_paid(execution.cost)
        return execution

    async def _score(self, answered: Sequence[tuple[_Cell, Execution, str]]) -> int:
        answers = [(answer, cell.task) for cell, _, answer in answered]
        try:
            scores = await self._retry.call(lambda: self._scorer.score(answers))
        except CallFailed:
            return 0
        for (cell, execution, _), score in zip(answered, scores, strict=True):
            self._keep(cell, execution, score)
        return len(scores)

    def _keep(self, cell: _Cell, execution: Execution, score: Score) -> None:
        cost = execution.cost if score.cost is None else execution.cost + score.cost
        score = replace(score, cost=cost)
        self.cache.put(cell.workflow, cell.task, score, cell.seed)
        self._on_measured(cell.workflow, cell.task, execution, score)

    def _known(self, cell: _Cell) -> Score | None:
        return self.cache.get(cell.workflow, cell.task, cell.seed)

    def _count(self, cells: Sequence[_Cell], found: int) -> None:
        missing = sum(self._known(cell) is None for cell in cells)
        self._meter.missed(missing)
        self._meter.saved(len(cells) - missing - found)

    def _row(self, workflow: Workflow | None, tasks: Sequence[Task], seed: int) -> Row:
        if workflow is None:
            return (_ZERO,) * len(tasks)
        return tuple(self.cache.get(workflow, task, seed) for task in tasks)


def cost_of(row: Row) -> Ledger:
    """What the cells of a row cost, also those that came from the cache."""
    return sum((score.cost for score in row if score and score.cost), Ledger())


def mean_reward(row: Row) -> float | None:
    """The mean over the cells that are there; None where all are missing."""
    rewards = [score.reward for score in row if score is not None]
    return sum(rewards) / len(rewards) if rewards else None
