"""Rewards of executed plans: a real interpreter and a real scorer, tools that know the right outputs."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import grpc
import pytest

import autoflow_interpreter
import autoflow_scorer
from autoflow.client import Client, ClientSettings, RetrySettings
from autoflow.convert import content_to_proto, tool_to_proto
from autoflow.errors import FailedPrecondition, ResourceExhausted, Unavailable
from autoflow.server import Endpoint, Service
from autoflow.suites import ContentType, Sample, Split, Task, TaskSuite, load_suite
from autoflow.testing import catalogue_of, serving
from autoflow.v1 import scorer_service_pb2 as scorer_pb
from autoflow.v1 import tool_service_pb2 as tools_pb
from autoflow.v1.scorer_service_pb2_grpc import ScorerServiceServicer, add_ScorerServiceServicer_to_server
from autoflow.v1.tool_service_pb2_grpc import ToolServiceServicer, add_ToolServiceServicer_to_server
from autoflow_worker.executed import ExecutedScorer
from autoflow_worker.plan_calls import PlanCalls
from autoflow_worker.ports import CallFailed, Score

SUITE = load_suite("planning")
SAMPLES = 2
HASTY = ClientSettings(unary_timeout=20, retry=RetrySettings(2, initial_backoff=0.01, max_backoff=0.01))
DEADLINE = 30.0
"""Seconds after which a test that hangs fails."""


def task_with(*plan: str) -> Task:
    """A task whose only right plan this is."""
    return next(task for split in Split for task in SUITE.tasks(split) if task.accepted == (plan,))


MENDING = task_with("Image Denoising")
FEELING = task_with("Sentiment Analysis")


class Oracle(ToolServiceServicer):
    """Gives each sample of the tasks above its reference; fails on those that it is told to fail on."""

    def __init__(self) -> None:
        self.answers = {
            sample.inputs: sample.reference
            for task in (MENDING, FEELING)
            for sample in SUITE.samples(task, SAMPLES)
        }
        self.fails_on: object = None
        self.error: Exception | None = None
        self.calls = 0
        self.entered = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()
        self.cancelled = asyncio.Event()

    @property
    def service(self) -> Service:
        register = partial(add_ToolServiceServicer_to_server, self)
        return Service("oracle", (Endpoint("autoflow.v1.ToolService", register),))

    async def ListTools(
        self, request: tools_pb.ListToolsRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> tools_pb.ListToolsResponse:
        return tools_pb.ListToolsResponse(tools=[tool_to_proto(tool) for tool in SUITE.tools])

    async def CallTool(
        self, request: tools_pb.CallToolRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> tools_pb.CallToolResponse:
        self.calls += 1
        self.entered.set()
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        if self.error is not None:
            raise self.error
        return tools_pb.CallToolResponse(results=[self._result(sample) for sample in request.samples])

    def _result(self, sample: tools_pb.ToolSample) -> tools_pb.ToolResult:
        given = sample.inputs[0]
        content = given.text or given.image
        if content == self.fails_on:
            return tools_pb.ToolResult(failure=tools_pb.ToolFailure(message="no"))
        return tools_pb.ToolResult(output=content_to_proto(self.answers.get((content,), content)))


@asynccontextmanager
async def scoring(
    oracle: Oracle,
    remembered: int = 100,
    *,
    suite: TaskSuite = SUITE,
    scorer_service: Service | None = None,
    providers: bool = True,
    most: int = 16 << 20,
    shown: int = 0,
) -> AsyncIterator[ExecutedScorer]:
    async with AsyncExitStack() as stack:
        tools = await stack.enter_async_context(serving(oracle.service))
        env = {"AUTOFLOW_TOOL_PROVIDERS": tools} if providers else {}
        interpreter = autoflow_interpreter.build(env, catalogue_of())
        judge = scorer_service or autoflow_scorer.build({})
        client = await stack.enter_async_context(
            Client(
                interpreter=await stack.enter_async_context(serving(interpreter)),
                scorer=await stack.enter_async_context(serving(judge)),
                settings=HASTY,
            )
        )
        calls = PlanCalls(client.interpreter, client.scorer, seconds=DEADLINE, most=most)
        scorer = ExecutedScorer(calls, suite, samples=SAMPLES, remembered=remembered, shown=shown)
        yield scorer
        await scorer.close()


async def test_a_right_plan_earns_what_its_outputs_are_worth() -> None:
    async with scoring(Oracle()) as scorer:
        mended, told = await scorer.score([("Image Denoising", MENDING), ("sentiment analysis.", FEELING)])

    for score in (mended, told):
        assert score.plan_valid
        assert score.reward == pytest.approx(1, abs=1e-4)


async def test_a_plan_whose_outputs_are_wrong_earns_less() -> None:
    oracle = Oracle()
    oracle.answers.clear()
    async with scoring(oracle) as scorer:
        (noisy,) = await scorer.score([("Image Denoising", MENDING)])

    assert noisy.plan_valid
    assert noisy.reward < 0.9


async def test_a_plan_that_cannot_be_executed_earns_nothing() -> None:
    async with scoring(Oracle()) as scorer:
        answers = [("Mind Reading", MENDING), ("Sentiment Analysis", MENDING), ("", FEELING)]
        assert await scorer.score(answers) == [Score(plan_valid=False, reward=0.0)] * 3


async def test_a_sample_that_a_tool_cannot_do_earns_nothing_and_the_others_their_own() -> None:
    oracle = Oracle()
    oracle.fails_on = SUITE.samples(MENDING, SAMPLES)[0].inputs[0]
    async with scoring(oracle) as scorer:
        (score,) = await scorer.score([("Image Denoising", MENDING)])

    assert score.plan_valid
    assert score.reward == pytest.approx(1 / SAMPLES, abs=1e-4)


async def test_equal_plans_are_executed_once() -> None:
    oracle = Oracle()
    async with scoring(oracle) as scorer:
        scores = await scorer.score([("Image Denoising", MENDING)] * 5)
        again = await scorer.score([("image denoising", MENDING)])

    assert oracle.calls == 1
    assert scores == again * 5


async def test_equal_plans_in_other_words_are_shown_as_each_was_said() -> None:
    said = ["Mind Reading", "mind reading"]
    async with scoring(Oracle(), shown=1) as scorer:
        scores = await scorer.score([(answer, FEELING) for answer in said])
    assert [score.evidence and score.evidence.answer for score in scores] == said


async def test_the_same_task_in_other_words_costs_nothing() -> None:
    oracle = Oracle()
    tasks = (task for split in Split for task in SUITE.tasks(split))
    reworded = next(task for task in tasks if task.data == MENDING.data and task.query != MENDING.query)
    async with scoring(oracle) as scorer:
        scores = await scorer.score([("Image Denoising", task) for task in (MENDING, reworded)])

    assert oracle.calls == 1
    assert scores[0] == scores[1]


async def test_tools_that_are_away_are_no_low_score_and_are_asked_again() -> None:
    oracle = Oracle()
    oracle.error = Unavailable("the tools are away")
    async with scoring(oracle) as scorer:
        with pytest.raises(CallFailed):
            await scorer.score([("Image Denoising", MENDING)])
        oracle.error = None
        (score,) = await scorer.score([("Image Denoising", MENDING)])

    assert score.reward == pytest.approx(1, abs=1e-4)


async def test_a_caller_who_gives_up_takes_no_other_score_along() -> None:
    async with scoring(Oracle()) as scorer:
        first = asyncio.create_task(scorer.score([("Image Denoising", MENDING)]))
        second = asyncio.create_task(scorer.score([("Image Denoising", MENDING)]))
        await asyncio.sleep(0)
        first.cancel()
        (score,) = await second

    assert score.reward == pytest.approx(1, abs=1e-4)


async def test_what_nobody_waits_for_any_more_is_not_executed_to_its_end() -> None:
    oracle = Oracle()
    oracle.open.clear()
    async with scoring(oracle) as scorer:
        calls = [asyncio.create_task(scorer.score([("Image Denoising", MENDING)])) for _ in range(2)]
        await oracle.entered.wait()
        for call in calls:
            assert not oracle.cancelled.is_set()
            call.cancel()
            await asyncio.wait([call])
        async with asyncio.timeout(DEADLINE):
            await oracle.cancelled.wait()
        oracle.open.set()
        (score,) = await scorer.score([("Image Denoising", MENDING)])

    assert score.reward == pytest.approx(1, abs=1e-4)
    assert oracle.calls == 2


async def test_an_error_that_nobody_waits_for_is_no_complaint() -> None:
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    oracle = Oracle()
    oracle.error = RuntimeError("a fault")
    oracle.open.clear()
    async with scoring(oracle) as scorer:
        call = asyncio.create_task(scorer.score([("Image Denoising", MENDING)]))
        await oracle.entered.wait()
        call.cancel()
        await asyncio.wait([call])
        oracle.open.set()
        for _ in range(3):  # Which takes longer than what was given up would have taken.
            with pytest.raises(CallFailed):
                await scorer.score([("Sentiment Analysis", FEELING)])
    del scorer, call
    gc.collect()

    assert complaints == []


async def test_closing_ends_what_is_under_way() -> None:
    oracle = Oracle()
    oracle.open.clear()
    async with scoring(oracle) as scorer:
        call = asyncio.create_task(scorer.score([("Image Denoising", MENDING)]))
        await oracle.entered.wait()
        await scorer.close()
        async with asyncio.timeout(DEADLINE):
            await oracle.cancelled.wait()
            await asyncio.wait([call])

    assert call.cancelled()


async def test_no_more_scores_are_remembered_than_wanted() -> None:
    oracle = Oracle()
    plans = ["Image Denoising", "Colorization", "Image Denoising", "Image Deblurring", "Image Denoising"]
    executed = []
    async with scoring(oracle, remembered=2) as scorer:
        for plan in plans:
            await scorer.score([(plan, MENDING)])
            executed.append(oracle.calls)
        await scorer.score([("Colorization", MENDING)])

    assert executed == [1, 2, 2, 3, 3]
    assert oracle.calls == 4


class Judge(ScorerServiceServicer):
    """Gives each output the same value, once it has refused as many calls as it is told to."""

    def __init__(self, value: float = 0.5, refusals: int = 0) -> None:
        self.value = value
        self.refusals = refusals

    # The contract's other method is not called.
    ListMetrics = None  # type: ignore[assignment]

    @property
    def service(self) -> Service:
        register = partial(add_ScorerServiceServicer_to_server, self)
        return Service("judge", (Endpoint("autoflow.v1.ScorerService", register),))

    async def ScoreOutputs(
        self, request: scorer_pb.ScoreOutputsRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> scorer_pb.ScoreOutputsResponse:
        if self.refusals:
            self.refusals -= 1
            raise ResourceExhausted("busy", 0.01)
        column = scorer_pb.MetricScores(metric=request.metrics[0], values=[self.value] * len(request.pairs))
        return scorer_pb.ScoreOutputsResponse(scores=[column])


async def test_a_busy_scorer_does_not_make_the_tools_work_again() -> None:
    oracle, judge = Oracle(), Judge(refusals=3)
    async with scoring(oracle, scorer_service=judge.service) as scorer:
        with pytest.raises(CallFailed):
            await scorer.score([("Image Denoising", MENDING)])
        (score,) = await scorer.score([("Image Denoising", MENDING)])

    assert (score.reward, oracle.calls) == (0.5, 1)


async def test_a_value_that_is_no_number_is_a_failed_call_and_not_0() -> None:
    async with scoring(Oracle(), scorer_service=Judge(float("nan")).service) as scorer:
        with pytest.raises(CallFailed, match="value"):
            await scorer.score([("Image Denoising", MENDING)])


async def test_a_picture_that_cannot_be_read_is_a_failure_of_its_sample_alone() -> None:
    oracle = Oracle()
    first, *_ = SUITE.samples(MENDING, SAMPLES)
    oracle.answers[first.inputs] = b"no picture"
    async with scoring(oracle) as scorer:
        (score,) = await scorer.score([("Image Denoising", MENDING)])

    assert score.plan_valid
    assert score.reward == pytest.approx(1 - 1 / SAMPLES, abs=1e-4)


async def test_a_new_picture_is_compared_with_the_words_that_tell_what_it_shows() -> None:
    told = next(task for split in Split for task in SUITE.tasks(split) if task.stratum == "new image")
    (sample,) = SUITE.samples(told, 1)
    own = Task("draw", "all", "Draw it.", (ContentType.TEXT,), ContentType.IMAGE, told.accepted, "words")

    def rewarded(caption: str, reference: str | bytes) -> TaskSuite:
        found = (Sample(sample.inputs, reference, caption),)
        splits = {split: (own,) if split is Split.TRAIN else () for split in Split}
        return TaskSuite("own", "Draw.", SUITE.tools, splits, lambda: lambda task, count: found)

    oracle = Oracle()
    oracle.answers[sample.inputs] = sample.reference
    rewards = []
    for suite in (rewarded(sample.caption, sample.reference), rewarded("", sample.caption)):
        async with scoring(oracle, suite=suite) as scorer:
            (score,) = await scorer.score([("Text to Image Generation", own)])
        rewards.append(score.reward)

    assert rewards[0] == pytest.approx(rewards[1], abs=1e-5)
    assert rewards[0] > 0.3


async def test_an_answer_that_no_plan_can_be_is_worth_nothing() -> None:
    oracle = Oracle()
    async with scoring(oracle) as scorer:
        (score,) = await scorer.score([("Image Denoising, " * 2_000, MENDING)])

    assert (score, oracle.calls) == (Score(False, 0.0), 0)


async def test_a_plan_that_no_tools_are_set_up_for_ends_the_run() -> None:
    async with scoring(Oracle(), providers=False) as scorer:
        with pytest.raises(FailedPrecondition, match="no provider of tools"):
            await scorer.score([("Image Denoising", MENDING)])


async def test_samples_travel_in_as_many_calls_as_their_size_wants() -> None:
    oracle = Oracle()
    async with scoring(oracle, most=1) as scorer:
        (score,) = await scorer.score([("Image Denoising", MENDING)])

    assert oracle.calls == SAMPLES
    assert score.reward == pytest.approx(1, abs=1e-4)
