"""An evaluation from its start, or from its last commit, to its result and its page.

Tasks are measured in batches, each for all workflows, and each batch is committed as an iteration: a worker
that goes on begins with the first task that is in none, however large its own batches are. The reference
plans are scored without being executed by the interpreter's model. A cell that the infrastructure failed to
give is missing and never a low score; a batch in which nothing could be measured is not committed, because
then a service is away: the worker gives up, and another one tries that batch later.

The budget is looked at before each execution. Where it is spent, the run fails as an optimisation does; its
committed batches stay, but there is no result. A budget that cannot last is refused before anything is spent,
and before the test split is opened.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from functools import partial
from itertools import pairwise

from autoflow.concurrency import gather
from autoflow.errors import FailedPrecondition
from autoflow.methods import Reward
from autoflow.suites import Split, Task, TaskSuite, stratified
from autoflow.telemetry import span
from autoflow_worker.acceptance import groups_of
from autoflow_worker.concurrency import Retry, patiently
from autoflow_worker.context import Journal
from autoflow_worker.evaluation.flagged import flagged
from autoflow_worker.evaluation.page import Page
from autoflow_worker.evaluation.repeats import merged
from autoflow_worker.evaluation.shelf import MeasuredTask, Shelf
from autoflow_worker.evaluation.spec import EvaluationSpec
from autoflow_worker.evaluation.table import EvaluationResult, WorkflowEvaluation, evaluations, table_of
from autoflow_worker.evaluation.witness import Witness
from autoflow_worker.evaluator import Evaluator, Row, mean_reward
from autoflow_worker.judged import unanswered
from autoflow_worker.ledger import BudgetSpent, Ledger, Meter
from autoflow_worker.metrics import CONSTRAINTS, task_metric
from autoflow_worker.ports import Artifacts, CallFailed, Interpreter, Score, Scorer
from autoflow_worker.results import IterationReport, Progress
from autoflow_worker.seeds import Purpose, derive

_BATCH_CELLS = 64
"""Cells of a batch, about: what a lost worker may have to measure anew."""
_LEAST_TASKS = 4
"""Of a batch, where there are so many."""


class EvaluationJob:
    """The work on one evaluation.

    Args:
        spec: what to do.
        suite: the tasks.
        interpreter: executes.
        scorer: scores.
        meter: counts, and keeps the budget.
        journal: where progress and batches go.
        artifacts: keeps what was measured, and the page.
        retry: what is done about calls that fail.
        concurrency: executions in flight at most.
        checkpoint: where to go on from; empty for the start.
        batch_cells: cells of a batch, about.
    """

    def __init__(
        self,
        spec: EvaluationSpec,
        suite: TaskSuite,
        interpreter: Interpreter,
        scorer: Scorer,
        meter: Meter,
        journal: Journal,
        artifacts: Artifacts,
        *,
        retry: Retry,
        concurrency: int,
        checkpoint: str,
        batch_cells: int = _BATCH_CELLS,
    ) -> None:
        self._spec = spec
        self._suite = suite
        self._meter = meter
        self._journal = journal
        self._artifacts = artifacts
        self._retry = retry
        self._checkpoint = checkpoint
        self._batch_cells = batch_cells
        self._witness = Witness(scorer, self._on_scored)
        self._evaluator = Evaluator(
            # Tools work while the model still answers for others.
            *(interpreter, self._witness, meter),
            retry=retry,
            concurrency=concurrency,
            score_batch=1,
            unanswered=partial(unanswered, suite.judge) if suite.judge else None,
        )
        self._shelf = Shelf(artifacts)
        self._tasks = self._chosen()
        self._measured: list[MeasuredTask] = []
        self._scored = 0

    @property
    def ledger(self) -> Ledger:
        """What the run has spent by now."""
        return self._meter.ledger

    async def run(self) -> EvaluationResult:
        """Measures what is left to measure, then makes table and page.

        Raises:
            BudgetSpent: the budget did not last, or cannot.
            CallFailed: not one cell of a batch could be filled.
            FailedPrecondition: the split has no tasks, or the suite no data, which executed rewards need.
            Unavailable: not one cell of a workflow could be filled.
        """
        self._journal.progress(Progress("loading", 0, 0))
        if not self._tasks:
            raise FailedPrecondition(f"the suite has no tasks in the split {self._spec.split}")
        if self._checkpoint:
            self._measured = await patiently(self._retry, lambda: self._shelf.restore(self._checkpoint))
            self._know(self._tasks[: len(self._measured)], self._measured)
        self._require_budget()
        sealed = self._spec.split is Split.TEST
        openings = await self._journal.open_test(self._suite.digest) if sealed else 0
        self._tell()
        for index, tasks in enumerate(self._batches(), self._shelf.count):
            # A trace for each batch: one for a whole run would have a span for each execution in it.
            with span("run.iteration", {"autoflow.run.iteration": index}):
                await self._measure(index, tasks)
        self._journal.progress(Progress("reporting", 0, 0))
        workflows = await asyncio.to_thread(self._workflows, openings)
        page = await patiently(self._retry, lambda: self._page(workflows))
        return EvaluationResult(workflows, tuple(self._measured), openings, self._suite.digest, page)

    def _workflows(self, openings: int) -> tuple[WorkflowEvaluation, ...]:
        """The lines of the table with their flags; takes a moment."""
        table = table_of(self._spec, self._measured, groups_of(self._tasks))
        return flagged(self._spec, self._suite, table, evaluations(self._spec, table), openings)

    def _chosen(self) -> tuple[Task, ...]:
        """The tasks, in the suite's order."""
        tasks = self._suite.tasks(self._spec.split)
        count = self._spec.tasks or len(tasks)
        drawn = {task.id for task in stratified(tasks, count, derive(self._spec.seed, Purpose.TASKS))}
        return tuple(task for task in tasks if task.id in drawn)

    def _batches(self) -> list[tuple[Task, ...]]:
        """What is left to measure; batches are equally large, up to one task."""
        left = self._tasks[len(self._measured) :]
        size = max(_LEAST_TASKS, self._batch_cells // self._cells_of_a_task)
        count = -(-len(left) // size)
        bounds = [index * len(left) // max(1, count) for index in range(count + 1)]
        return [left[start:end] for start, end in pairwise(bounds)]

    @property
    def _cells_of_a_task(self) -> int:
        # The references are no executions, and are scored once.
        return len(self._spec.workflows) * len(self._spec.seeds) + 1

    def _require_budget(self) -> None:
        workflows = {item.workflow.digest for item in self._spec.workflows}
        needed = len(workflows) * len({task.digest for task in self._tasks}) * len(self._spec.seeds)
        if not self._measured and not self._meter.covers(needed):
            advice = f"raise budget.max_executions to {needed} or more, or measure on fewer tasks"
            raise BudgetSpent(f"the budget is too small: {advice}")

    async def _measure(self, index: int, tasks: Sequence[Task]) -> None:
        started = time.monotonic()
        assignments = [(item.workflow, tasks) for item in self._spec.workflows]
        (reference,), *given = await gather(
            [
                self._references(tasks),
                *(self._evaluator.evaluate(assignments, seed=seed) for seed in self._spec.seeds),
            ]
        )
        by_workflow = [tuple(zip(*rows, strict=True)) for rows in zip(*given, strict=True)]
        means = [
            mean for cells in by_workflow if (mean := mean_reward(tuple(map(merged, cells)))) is not None
        ]
        if not means:
            raise CallFailed("nothing could be measured on a whole batch of tasks")
        columns = zip(*by_workflow, ((score,) for score in reference), strict=True)
        metrics = await asyncio.to_thread(lambda: [self._metric(task) for task in tasks])
        batch = [
            MeasuredTask.of(task.id, metric, cells)
            for task, metric, cells in zip(tasks, metrics, columns, strict=True)
        ]
        checkpoint = await patiently(self._retry, lambda: self._shelf.add(batch))
        report = IterationReport(
            index=index,
            reward_mean=sum(means) / len(means),
            reward_max=max(means),
            seconds=time.monotonic() - started,
            ledger=self._meter.ledger,
        )
        await self._journal.commit(report, checkpoint)
        light = [measured.light for measured in batch]
        self._know(tasks, light)
        self._measured += light
        self._scored = 0
        self._tell()

    async def _references(self, tasks: Sequence[Task]) -> list[Row]:
        """The references' row, by itself."""
        return [tuple(await gather(map(self._reference, tasks)))]

    async def _reference(self, task: Task) -> Score | None:
        answers = [(task.reference, task)]
        try:
            (score,) = await self._retry.call(lambda: self._witness.score(answers))
        except CallFailed:
            self._meter.missed()
            return None
        return score

    def _metric(self, task: Task) -> str:
        match self._spec.reward:
            case Reward.PLAN:
                return "plan_f1"
            case Reward.JUDGED:
                return CONSTRAINTS
            case Reward.EXECUTED:
                return task_metric(task, self._suite.samples(task, 1)[0])

    def _know(self, tasks: Sequence[Task], measured: Sequence[MeasuredTask]) -> None:
        """Keeps scores for tasks of equal content, without the outputs that a fresh score holds."""
        for task, known in zip(tasks, measured, strict=True):
            for column, item in enumerate(self._spec.workflows):
                for seed, score in zip(self._spec.seeds, known.cells(column), strict=True):
                    if score is not None:
                        self._evaluator.cache.put(item.workflow, task, score, seed)

    def _on_scored(self, answers: int) -> None:
        self._scored += answers
        self._tell()

    def _tell(self) -> None:
        """Says how many cells are done; what needs no score counts when its batch is over."""
        done = len(self._measured) * self._cells_of_a_task + self._scored
        self._journal.progress(Progress("evaluating", done, len(self._tasks) * self._cells_of_a_task))

    def _page(self, workflows: Sequence[WorkflowEvaluation]) -> str:
        """Makes and stores the page; blocks."""
        page = Page(self._spec, self._suite, self._tasks, self._measured, self._shelf)
        return self._artifacts.put(page.render(workflows))
