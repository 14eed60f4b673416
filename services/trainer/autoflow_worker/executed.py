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

from autoflow.client import errors
from autoflow.client.interpreter import InterpreterClient
from autoflow.client.scorer import ScorerClient
from autoflow.concurrency import gather
from autoflow.convert import content_from_proto, content_to_proto, content_type_to_proto
from autoflow.plans import PlanReference, plan_f1, plan_items
from autoflow.suites import Content, Sample, Task, TaskSuite
from autoflow.v1 import interpreter_service_pb2, scorer_service_pb2, tool_service_pb2
from autoflow_worker.metrics import task_metric
from autoflow_worker.ports import CallFailed, Evidence, Outcome, Score

_BERT_SCORE = scorer_service_pb2.BertScoreOptions(rescale_with_baseline=True)

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
        interpreter: executes plans.
        scorer: scores outputs.
        suite: gives the samples.
        samples: how many of a task's samples are used.
        concurrency: plans under way at most.
        remembered: scores that are kept; the least recently used go first.
        shown: outputs of so many samples are kept with a score, to be looked at; 0 keeps no evidence at all.
    """

    def __init__(
        self,
        interpreter: InterpreterClient,
        scorer: ScorerClient,
        suite: TaskSuite,
        *,
        samples: int = 4,
        concurrency: int = 16,
        remembered: int = 100_000,
        shown: int = 0,
    ) -> None:
        self._interpreter = interpreter
        self._scorer = scorer
        self._suite = suite
        self._samples = samples
        self._slots = asyncio.Semaphore(concurrency)
        self._remembered = remembered
        self._shown = shown
        self._scores: OrderedDict[_Key, Score] = OrderedDict()
        self._measurements: dict[_Key, _Measurement] = {}
        self._tasks: set[asyncio.Task[Score]] = set()

    async def score(self, answers: Sequence[tuple[str, Task]]) -> list[Score]:
        """Scores each answer on its task; see `autoflow_worker.ports.Scorer`."""
        scores = await gather(self._score(answer, task) for answer, task in answers)
        # Tasks may have the same samples and yet accept other plans.
        return [
            replace(score, plan_f1=plan_f1(answer, PlanReference.of(task, self._suite.tools)))
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
            measurement = self._measurements[key] = _Measurement(self._start(answer, task))
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

    def _start(self, answer: str, task: Task) -> asyncio.Task[Score]:
        measuring = asyncio.create_task(self._measure(answer, task))
        self._tasks.add(measuring)
        measuring.add_done_callback(self._tasks.discard)
        return measuring

    def _remember(self, key: _Key, score: Score) -> None:
        self._scores[key] = score
        self._scores.move_to_end(key)
        while len(self._scores) > self._remembered:
            self._scores.popitem(last=False)

    async def _measure(self, answer: str, task: Task) -> Score:
        async with self._slots:
            samples = await asyncio.to_thread(self._suite.samples, task, self._samples)
            executed = await self._execute(answer, task, samples)
            if executed.outcome != interpreter_service_pb2.PLAN_OUTCOME_EXECUTED:
                return Score(False, 0.0, evidence=self._evidence(answer, executed, ()))
            if len(executed.results) != len(samples):
                raise CallFailed("the interpreter did not execute the plan on every sample")
            values = await self._values(task, samples, executed.results)
        return Score(True, fmean(values), evidence=self._evidence(answer, executed, values))

    def _evidence(
        self, answer: str, executed: interpreter_service_pb2.ExecutePlanResponse, values: Sequence[float]
    ) -> Evidence | None:
        if not self._shown:
            return None
        return Evidence(
            answer=answer,
            plan=tuple(match.tool for match in executed.matches),
            detail=executed.detail,
            outcomes=tuple(map(_outcome, executed.results, values))[: self._shown],
        )

    async def _execute(
        self, answer: str, task: Task, samples: Sequence[Sample]
    ) -> interpreter_service_pb2.ExecutePlanResponse:
        request = interpreter_service_pb2.ExecutePlanRequest(
            plan=answer,
            samples=[
                tool_service_pb2.ToolSample(inputs=[content_to_proto(content) for content in sample.inputs])
                for sample in samples
            ],
            output=content_type_to_proto(task.output),
        )
        try:
            return await self._interpreter.execute_plan(request)
        except errors.RpcError as error:
            raise _call_failed("interpreter", error) from error

    async def _values(
        self,
        task: Task,
        samples: Sequence[Sample],
        results: Sequence[interpreter_service_pb2.PlanResult],
    ) -> list[float]:
        """Each sample's value in [0, 1]; 0 where a tool could not do it."""
        made = [index for index, result in enumerate(results) if result.WhichOneof("result") == "output"]
        values = [0.0] * len(samples)
        if not made:
            return values
        metric = task_metric(task, samples[0])
        request = scorer_service_pb2.ScoreOutputsRequest(
            pairs=[
                scorer_service_pb2.ScorePair(
                    output=results[index].output, content=content_to_proto(_reference(metric, samples[index]))
                )
                for index in made
            ],
            metrics=[metric],
            bert_score=_BERT_SCORE,
        )
        try:
            response = await self._scorer.score_outputs(request)
        except errors.RpcError as error:
            raise _call_failed("scorer", error) from error
        for index, value in zip(made, response.scores[0].values, strict=True):
            values[index] = min(1.0, max(0.0, value))
        return values


def _key(answer: str, task: Task) -> _Key:
    # Not by the task: tasks that differ in words alone have the same samples.
    named = task.data, task.output, plan_items(answer.casefold())
    return hashlib.blake2b(repr(named).encode(), digest_size=16).digest()


def _outcome(result: interpreter_service_pb2.PlanResult, value: float) -> Outcome:
    if result.WhichOneof("result") == "output":
        return Outcome(value, content_from_proto(result.output))
    return Outcome(value, failure=result.failure.message)


def _reference(metric: str, sample: Sample) -> Content:
    return sample.caption if metric == "clip" else sample.reference


def _call_failed(service: str, error: errors.RpcError) -> CallFailed:
    return CallFailed(f"the {service} could not serve: {error.message}", error.details.retry_after or 0.0)
