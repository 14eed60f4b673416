"""Rewards that are earned: an answer's plan is executed on a task's samples, and the outputs are scored.

A task's reward is the metric of what it wants, its mean over the samples, each value cut to [0, 1]: ViT Score
for mended pictures, CLIP Score for new ones, BERTScore's F1 rescaled by its baseline for texts. A plan that
cannot be executed has 0, and so has a sample that a tool could not do: both are the plan's doing. What the
infrastructure could not do is a failed call, and never a low score.

Equal plans of a task are executed once, as long as their score is remembered, and not to their end where
nobody waits for it any more. Left out: tasks without samples.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from autoflow.concurrency import gather
from autoflow.plans import PlanReference, plan_f1, plan_items
from autoflow.suites import Sample, Task, TaskSuite
from autoflow_worker.ledger import Ledger
from autoflow_worker.plan_calls import ExecutedPlan, PlanCalls
from autoflow_worker.ports import CallFailed, Evidence, Score

_Key = bytes
"""Equal for equal plans on equal samples."""


@dataclass(slots=True, eq=False)
class _Measurement:
    """A plan that is being executed and scored."""

    task: asyncio.Task[Score]
    callers: int = 0
    """Who wait for it."""


class ExecutedScorer:
    """Scores answers to one suite's tasks by what their plans make. Close it before its clients.

    Args:
        calls: executes plans, and scores what they made.
        suite: gives the samples.
        samples: how many of a task's samples are used.
        concurrency: plans under way at most.
        remembered: scores that are kept; the least recently used go first.
        shown: outputs of so many samples are kept with a score, to be looked at; 0 keeps no evidence at all.
    """

    def __init__(
        self,
        calls: PlanCalls,
        suite: TaskSuite,
        *,
        samples: int = 4,
        concurrency: int = 16,
        remembered: int = 100_000,
        shown: int = 0,
    ) -> None:
        self._calls = calls
        self._suite = suite
        self._samples = samples
        self._slots = asyncio.Semaphore(concurrency)
        self._kept = concurrency
        self._executed: OrderedDict[_Key, ExecutedPlan] = OrderedDict()
        self._remembered = remembered
        self._shown = shown
        self._scores: OrderedDict[_Key, Score] = OrderedDict()
        self._measurements: dict[_Key, _Measurement] = {}
        self._tasks: set[asyncio.Task[Score]] = set()

    async def score(self, answers: Sequence[tuple[str, Task]]) -> list[Score]:
        """Scores each answer on its task; see `autoflow_worker.ports.Scorer`."""
        scores = await gather(self._score(answer, task) for answer, task in answers)
        # Tasks may have the same samples and yet accept other plans; answers, the same plan in other words.
        return [
            replace(
                score,
                plan_f1=plan_f1(answer, PlanReference.of(task, self._suite.tools)),
                evidence=score.evidence and replace(score.evidence, answer=answer),
            )
            for score, (answer, task) in zip(scores, answers, strict=True)
        ]

    async def close(self) -> None:
        """Ends what is under way, and returns when it has ended; no score may be waited for."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _score(self, answer: str, task: Task) -> Score:
        key = _key(answer, task)
        if key in self._scores:
            self._scores.move_to_end(key)
            return self._scores[key]
        measurement = self._measurements.get(key)
        if measurement is None:
            measurement = self._measurements[key] = _Measurement(self._start(key, answer, task))
        measurement.callers += 1
        try:
            # One caller who gives up does not take the others' score along.
            score = await asyncio.shield(measurement.task)
            self._remember(key, score)
            return score
        finally:
            measurement.callers -= 1
            if not measurement.callers:
                measurement.task.cancel()
                self._measurements.pop(key)

    def _start(self, key: _Key, answer: str, task: Task) -> asyncio.Task[Score]:
        measuring = asyncio.create_task(self._measure(key, answer, task))
        self._tasks.add(measuring)
        measuring.add_done_callback(self._tasks.discard)
        return measuring

    def _remember(self, key: _Key, score: Score) -> None:
        self._scores[key] = score
        self._scores.move_to_end(key)
        while len(self._scores) > self._remembered:
            self._scores.popitem(last=False)

    async def _measure(self, key: _Key, answer: str, task: Task) -> Score:
        async with self._slots:
            samples = await self._read(task)
            executed = self._executed.pop(key, None) or await self._calls.execute(answer, task, samples)
            if not executed.valid:
                return Score(False, 0.0, evidence=self._evidence(answer, executed))
            # Kept while it is scored: where the scorer cannot serve, the tools need not work again.
            self._keep(key, executed)
            outcomes = await self._calls.score(task, samples, executed.outcomes)
            self._executed.pop(key, None)
        reward = fmean(outcome.value for outcome in outcomes)
        evidence = self._evidence(answer, replace(executed, outcomes=outcomes))
        return Score(True, reward, evidence=evidence, cost=Ledger(tool_calls=executed.tool_calls))

    async def _read(self, task: Task) -> tuple[Sample, ...]:
        try:
            return await asyncio.to_thread(self._suite.samples, task, self._samples)
        except OSError as error:
            raise CallFailed("the suite's files cannot be read now") from error

    def _keep(self, key: _Key, executed: ExecutedPlan) -> None:
        self._executed[key] = executed
        while len(self._executed) > self._kept:
            self._executed.popitem(last=False)

    def _evidence(self, answer: str, executed: ExecutedPlan) -> Evidence | None:
        if not self._shown:
            return None
        return Evidence(answer, executed.tools, executed.detail, executed.outcomes[: self._shown])


def _key(answer: str, task: Task) -> _Key:
    # Not by the task: tasks that differ in words alone have the same samples.
    named = task.data, task.output, plan_items(answer.casefold())
    return hashlib.blake2b(repr(named).encode(), digest_size=16).digest()
