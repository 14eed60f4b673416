"""Executes a plan on a task's samples and scores what it made: the calls of interpreter and scorer.

Samples travel in as many calls as their size wants. A picture that cannot be read is that sample's failure,
as it would be if the tool had said so: a plan must not gain by what nobody can look at.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from autoflow.client import errors
from autoflow.client.interpreter import InterpreterClient
from autoflow.client.scorer import ScorerClient
from autoflow.convert import content_from_proto, content_to_proto, content_type_to_proto
from autoflow.images import ImageLimits, UnreadableImage, read_image
from autoflow.llm.base import Usage
from autoflow.suites import Content, Sample, Task
from autoflow.v1 import interpreter_service_pb2, scorer_service_pb2, tool_service_pb2
from autoflow_worker.metrics import compared_with, task_metric
from autoflow_worker.ports import CallFailed, Outcome, TimedOut
from autoflow_worker.sorted_errors import sorted_errors

_PLAN_CHARACTERS = 20_000
"""The most that ExecutePlan takes."""
_BERT_SCORE = scorer_service_pb2.BertScoreOptions(rescale_with_baseline=True)
_LIMITS = ImageLimits()

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ExecutedPlan:
    """What came of a plan, before it is scored."""

    valid: bool
    """Whether it could be executed."""
    tools: tuple[str, ...] = ()
    """That its names mean."""
    detail: str = ""
    """Why it was not executed."""
    outcomes: tuple[Outcome, ...] = ()
    """Of each sample, all of value 0; empty where the plan was not executed."""
    tool_calls: int = 0


class PlanCalls:
    """The calls.

    Args:
        interpreter: executes plans.
        scorer: scores outputs.
        seconds: the most that one call may take.
        most: bytes of contents in one call, unless one sample alone has more.
        on_tools: is told how many calls of tools a call was.
    """

    def __init__(
        self,
        interpreter: InterpreterClient,
        scorer: ScorerClient,
        *,
        seconds: float = 600.0,
        most: int = 16 << 20,
        on_tools: Callable[[int], None] = lambda calls: None,
    ) -> None:
        self._interpreter = interpreter
        self._scorer = scorer
        self._seconds = seconds
        self._most = most
        self._on_tools = on_tools

    async def execute(self, answer: str, task: Task, samples: Sequence[Sample]) -> ExecutedPlan:
        """Executes the plan that an answer names.

        Raises:
            TimedOut: a call took too long.
            CallFailed: the interpreter could not serve.
            AutoFlowError: no other try can succeed.
        """
        if len(answer) > _PLAN_CHARACTERS:
            return ExecutedPlan(False, detail=f"the answer has more than {_PLAN_CHARACTERS:,} characters")
        executed = ExecutedPlan(True)
        for part in _parts(samples, lambda sample: sum(map(_size, sample.inputs)), self._most):
            response = await self._execute(answer, task, part)
            tools = tuple(match.tool for match in response.matches)
            if response.outcome != interpreter_service_pb2.PLAN_OUTCOME_EXECUTED:
                return ExecutedPlan(False, tools, response.detail)
            calls = sum(_tool_calls(result, len(tools)) for result in response.results)
            self._on_tools(calls)
            if len(response.results) != len(part):
                raise CallFailed("the interpreter did not execute the plan on every sample")
            outcomes = await asyncio.to_thread(lambda found: tuple(map(_outcome, found)), response.results)
            executed = replace(
                executed,
                tools=tools,
                outcomes=(*executed.outcomes, *outcomes),
                tool_calls=executed.tool_calls + calls,
            )
        return executed

    async def score(
        self, task: Task, samples: Sequence[Sample], outcomes: Sequence[Outcome]
    ) -> tuple[Outcome, ...]:
        """The same outcomes with the values of their outputs, in [0, 1]; 0 where there is none.

        Raises:
            TimedOut: a call took too long.
            CallFailed: the scorer could not serve.
            AutoFlowError: no other try can succeed.
        """
        metric = task_metric(task, samples[0])
        pairs = [
            (at, outcome.output, compared_with(task, samples[at]))
            for at, outcome in enumerate(outcomes)
            if outcome.output is not None
        ]
        scored = list(outcomes)
        for part in _parts(pairs, lambda pair: _size(pair[1]) + _size(pair[2]), self._most):
            values = await self._values(metric, [(output, reference) for _, output, reference in part])
            for (at, _, _), value in zip(part, values, strict=True):
                scored[at] = replace(scored[at], value=min(1.0, max(0.0, value)))
        return tuple(scored)

    async def _execute(
        self, answer: str, task: Task, samples: Sequence[Sample]
    ) -> interpreter_service_pb2.ExecutePlanResponse:
        request = interpreter_service_pb2.ExecutePlanRequest(
            plan=answer,
            samples=[
                tool_service_pb2.ToolSample(inputs=map(content_to_proto, sample.inputs)) for sample in samples
            ],
            output=content_type_to_proto(task.output),
        )
        with sorted_errors("interpreter"):
            try:
                return await self._interpreter.execute_plan(request, timeout=self._seconds)
            except errors.DeadlineExceeded as error:
                raise TimedOut("the plan was not executed in time", Usage()) from error

    async def _values(self, metric: str, pairs: Sequence[tuple[Content, Content]]) -> list[float]:
        request = scorer_service_pb2.ScoreOutputsRequest(
            pairs=[
                scorer_service_pb2.ScorePair(
                    output=content_to_proto(output), content=content_to_proto(reference)
                )
                for output, reference in pairs
            ],
            metrics=[metric],
            bert_score=_BERT_SCORE,
        )
        with sorted_errors("scorer"):
            response = await self._scorer.score_outputs(request, timeout=self._seconds)
        values = [value for column in response.scores for value in column.values]
        if len(values) != len(pairs) or not all(map(math.isfinite, values)):
            raise CallFailed("the scorer did not give every output a value")
        return values


def _parts(items: Sequence[T], size: Callable[[T], int], most: int) -> Iterator[list[T]]:
    """Items in their order, in lists of a bounded size."""
    part: list[T] = []
    taken = 0
    for item in items:
        if part and taken + size(item) > most:
            yield part
            part, taken = [], 0
        part.append(item)
        taken += size(item)
    if part:
        yield part


def _size(content: Content) -> int:
    # A character has four bytes at most.
    return len(content) if isinstance(content, bytes) else 4 * len(content)


def _tool_calls(result: interpreter_service_pb2.PlanResult, tools: int) -> int:
    """A sample passes all tools of the plan, or ends at the one that fails."""
    return result.failure.step + 1 if result.HasField("failure") else tools


def _outcome(result: interpreter_service_pb2.PlanResult) -> Outcome:
    if result.WhichOneof("result") != "output":
        return Outcome(0.0, failure=result.failure.message)
    output = content_from_proto(result.output)
    if isinstance(output, bytes):
        try:
            read_image(output, _LIMITS)
        except UnreadableImage as reason:
            return Outcome(0.0, failure=f"the picture cannot be read: {reason}")
    return Outcome(0.0, output)
