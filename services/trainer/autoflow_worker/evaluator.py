"""Executes workflows on tasks and scores what they answer: once for each pair, whoever asks.

A cell is one workflow on one task. It holds a score, or nothing where the infrastructure failed past all
retries: such a cell is *missing*, is counted, and never is a low score. What a workflow itself does wrong is
a score of 0: not being valid (then it is not even executed), ending without an answer, answering what is no
plan.

Executions are greedy, so that a pair has one result and a cached result stands for any repetition. This does
not protect against an interpreter that changes under the same name: its identity names the model and the
version of the prompts, not the weights.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence

from autoflow.concurrency import gather
from autoflow.suites import Task
from autoflow_worker.cache import EvaluationCache
from autoflow_worker.concurrency import Retry
from autoflow_worker.ledger import Meter
from autoflow_worker.ports import CallFailed, Execution, Interpreter, Score, Scorer, TimedOut, Workflow

Assignment = tuple[Workflow | None, Sequence[Task]]
"""What to measure on which tasks; None stands for a candidate that is no valid workflow: 0 on every task."""

Row = tuple[Score | None, ...]
"""One workflow on some tasks, in their order; None where the cell is missing."""

OnProgress = Callable[[int, int], None]
"""Is told how many executions have ended, of how many."""

_ZERO = Score(plan_valid=False, reward=0.0)
_Pair = tuple[Workflow, Task]


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
    ) -> None:
        self._interpreter = interpreter
        self._scorer = scorer
        self._meter = meter
        self._retry = retry or Retry()
        self._slots = asyncio.Semaphore(concurrency)
        self._score_batch = score_batch
        self._unanswered = unanswered or (lambda task: _ZERO)
        self.cache = EvaluationCache(interpreter.identity)

    async def evaluate(
        self,
        assignments: Sequence[Assignment],
        *,
        on_progress: OnProgress = lambda done, total: None,
    ) -> list[Row]:
        """Fills the cells of all assignments, all side by side.

        Args:
            assignments: may repeat workflows and tasks; a cell is filled once.
            on_progress: called with the executions that have ended, well or not, and all that are needed.

        Returns:
            A row for each assignment, in order.

        Raises:
            BudgetSpent: a call was not admitted; those in flight were cancelled.
        """
        cells = [
            (workflow, task) for workflow, tasks in assignments if workflow is not None for task in tasks
        ]
        unknown = {
            (workflow.digest, task.digest): (workflow, task)
            for workflow, task in cells
            if self.cache.get(workflow, task) is None
        }
        found = await self._measure(list(unknown.values()), on_progress)
        self._count(cells, found)
        return [self._row(workflow, tasks) for workflow, tasks in assignments]

    async def _measure(self, pairs: Sequence[_Pair], on_progress: OnProgress) -> int:
        """Executes and scores pairs into the cache; returns how many of them now have a score."""
        ended = itertools.count(1)
        batches = (pairs[at : at + self._score_batch] for at in range(0, len(pairs), self._score_batch))
        found = await gather(
            self._measure_batch(batch, lambda: on_progress(next(ended), len(pairs))) for batch in batches
        )
        return sum(found)

    async def _measure_batch(self, pairs: Sequence[_Pair], on_end: Callable[[], None]) -> int:
        executions = await gather(self._execute(workflow, task, on_end) for workflow, task in pairs)
        answered: list[tuple[_Pair, str]] = []
        found = 0
        for (workflow, task), execution in zip(pairs, executions, strict=True):
            if execution is None:
                continue
            if execution.answer is None:
                self.cache.put(workflow, task, self._unanswered(task))
                found += 1
            else:
                answered.append(((workflow, task), execution.answer))
        return found + (await self._score(answered) if answered else 0)

    async def _execute(self, workflow: Workflow, task: Task, on_end: Callable[[], None]) -> Execution | None:
        async with self._slots:
            try:
                return await self._retry.call(lambda: self._execute_once(workflow, task))
            except CallFailed:
                return None
            finally:
                on_end()

    async def _execute_once(self, workflow: Workflow, task: Task) -> Execution:
        self._meter.admit_execution()
        try:
            execution = await self._interpreter.execute(workflow, task)
        except BaseException as error:
            self._meter.execution_failed()
            if isinstance(error, TimedOut):
                self._meter.used(error.usage)
            raise
        self._meter.execution_paid(execution.usage)
        return execution

    async def _score(self, answered: Sequence[tuple[_Pair, str]]) -> int:
        answers = [(answer, task) for (_, task), answer in answered]
        try:
            scores = await self._retry.call(lambda: self._scorer.score(answers))
        except CallFailed:
            return 0
        for ((workflow, task), _), score in zip(answered, scores, strict=True):
            self.cache.put(workflow, task, score)
        return len(scores)

    def _count(self, cells: Sequence[_Pair], found: int) -> None:
        missing = sum(self.cache.get(workflow, task) is None for workflow, task in cells)
        self._meter.missed(missing)
        self._meter.saved(len(cells) - missing - found)

    def _row(self, workflow: Workflow | None, tasks: Sequence[Task]) -> Row:
        if workflow is None:
            return (_ZERO,) * len(tasks)
        known = self.cache.row(workflow)
        return tuple(known.get(task.digest) for task in tasks)


def mean_reward(row: Row) -> float | None:
    """The mean over the cells that are there; None where all are missing."""
    rewards = [score.reward for score in row if score is not None]
    return sum(rewards) / len(rewards) if rewards else None
