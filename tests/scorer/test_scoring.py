"""What the scorer answers, over a real channel."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from autoflow.client import Client, errors
from autoflow.client.scorer import ScorerClient
from autoflow.convert import plan_reference_to_proto
from autoflow.plans import PlanReference, plan_exact, plan_f1, plan_valid
from autoflow.server import Service
from autoflow.suites import ContentType, Split, Task, Tool, load_suite
from autoflow.testing import serving
from autoflow.v1 import scorer_service_pb2 as pb
from autoflow.v1.task_pb2 import Content
from autoflow_scorer import build
from autoflow_scorer.metrics import Comparison, MetricDescription, ReferenceType, SimpleMetric
from autoflow_scorer.service import wire

IMAGE, TEXT = ContentType.IMAGE, ContentType.TEXT
DENOISE = Tool("Image Denoising", "removes noise", (IMAGE,), IMAGE)
DEBLUR = Tool("Image Deblurring", "sharpens", (IMAGE,), IMAGE)
CAPTION = Tool("Image Captioning", "describes", (IMAGE,), TEXT)
REFERENCE = PlanReference(
    tools=(DENOISE, DEBLUR, CAPTION),
    inputs=(IMAGE,),
    output=TEXT,
    accepted=(
        ("Image Denoising", "Image Deblurring", "Image Captioning"),
        ("Image Deblurring", "Image Denoising", "Image Captioning"),
    ),
)


@asynccontextmanager
async def scoring(service: Service | None = None) -> AsyncIterator[ScorerClient]:
    async with serving(service or build({})) as address, Client(scorer=address) as client:
        yield client.scorer


def request_for(
    outputs: Sequence[str], metrics: Sequence[str], reference: PlanReference = REFERENCE
) -> pb.ScoreOutputsRequest:
    plan = plan_reference_to_proto(reference)
    return pb.ScoreOutputsRequest(
        pairs=[pb.ScorePair(output=Content(text=output), plan=plan) for output in outputs], metrics=metrics
    )


def metric(name: str, function: Callable[[str, PlanReference], float]) -> SimpleMetric:
    comparison = Comparison(ContentType.TEXT, ReferenceType.PLAN)
    return SimpleMetric(MetricDescription(name, "Made for a test.", (comparison,)), function)


def accepting(*plan: str) -> pb.ScoreOutputsRequest:
    return request_for(["a"], ["plan_f1"], replace(REFERENCE, accepted=(plan,)))


async def test_each_metric_scores_each_pair_in_the_order_of_the_request() -> None:
    outputs = [
        "Image Deblurring, Image Denoising, Image Captioning",
        "Image Denoising, Image Captioning",
        "Image Captioning, Image Denoising",
        "I do not know",
        "",
    ]
    async with scoring() as client:
        response = await client.score_outputs(request_for(outputs, ["plan_f1", "plan_valid", "plan_exact"]))

    # The second plan lacks one of three tools: 2·2 / (2 + 3).
    assert [(column.metric, list(column.values)) for column in response.scores] == [
        ("plan_f1", [1.0, 0.8, 0.0, 0.0, 0.0]),
        ("plan_valid", [1.0, 1.0, 0.0, 0.0, 0.0]),
        ("plan_exact", [1.0, 0.0, 0.0, 0.0, 0.0]),
    ]


async def test_more_pairs_than_a_slice_keep_their_order() -> None:
    right, wrong = "Image Denoising, Image Deblurring, Image Captioning", "Colorization"
    outputs = [right if number % 3 == 0 else wrong for number in range(1000)]
    async with scoring() as client:
        response = await client.score_outputs(request_for(outputs, ["plan_exact"]))

    assert list(response.scores[0].values) == [float(number % 3 == 0) for number in range(1000)]


async def test_the_reference_plans_of_the_built_in_suite_have_the_full_score() -> None:
    suite = load_suite("planning")
    tasks = suite.tasks(Split.VALIDATION)

    def pair(task: Task) -> pb.ScorePair:
        reference = PlanReference(suite.tools, task.inputs, task.output, task.accepted)
        return pb.ScorePair(
            output=Content(text=", ".join(task.accepted[-1])), plan=plan_reference_to_proto(reference)
        )

    metrics = ["plan_valid", "plan_exact", "plan_f1"]
    async with scoring() as client:
        response = await client.score_outputs(
            pb.ScoreOutputsRequest(pairs=[pair(task) for task in tasks], metrics=metrics)
        )

    assert [list(column.values) for column in response.scores] == [[1.0] * len(tasks)] * 3


async def test_the_wire_changes_no_score() -> None:
    outputs = ["1. image denoising -> Image Captioning.", "Image Captioning", "Image Denoising"]
    async with scoring() as client:
        response = await client.score_outputs(request_for(outputs, ["plan_valid", "plan_exact", "plan_f1"]))

    for column, metric in zip(response.scores, (plan_valid, plan_exact, plan_f1), strict=True):
        assert list(column.values) == [metric(output, REFERENCE) for output in outputs]


async def test_an_unknown_metric_names_the_field_and_those_that_exist() -> None:
    async with scoring() as client:
        with pytest.raises(errors.InvalidArgument, match="plan_exact, plan_f1, plan_valid") as refused:
            await client.score_outputs(request_for(["a"], ["plan_f1", "bleu"]))

    assert "'bleu'" in refused.value.message
    assert [violation.field for violation in refused.value.details.violations] == ["metrics[1]"]


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (pb.ScoreOutputsRequest(metrics=["plan_f1"]), "pairs"),
        (request_for(["a"], []), "metrics"),
        (request_for(["a"], ["plan_f1", "plan_f1"]), "metrics"),
        (request_for(["a"], ["plan_f1", ""]), "metrics[1]"),
        (request_for(["a"], ["p" * 65]), "metrics[0]"),
        (accepting(), "pairs[0].plan.accepted[0].tools"),
        (accepting("t" * 81), "pairs[0].plan.accepted[0].tools[0]"),
        (accepting(""), "pairs[0].plan.accepted[0].tools[0]"),
        (request_for(["a", "b" * 100_001], ["plan_f1"]), "pairs[1].output.text"),
        (
            pb.ScoreOutputsRequest(pairs=[pb.ScorePair(output=Content(text="a"))], metrics=["plan_f1"]),
            "pairs[0].reference",
        ),
    ],
)
async def test_a_wrong_field_is_named(request_: pb.ScoreOutputsRequest, field: str) -> None:
    async with scoring() as client:
        with pytest.raises(errors.InvalidArgument) as refused:
            await client.score_outputs(request_)

    assert [violation.field for violation in refused.value.details.violations] == [field]


@pytest.mark.parametrize(
    ("reference", "field"),
    [
        (
            replace(REFERENCE, accepted=(*REFERENCE.accepted, ("Image Captioning", "Mind Reading"))),
            "pairs[1].plan.accepted[2].tools",
        ),
        (replace(REFERENCE, tools=(*REFERENCE.tools, DENOISE)), "pairs[1].plan.tools"),
        (
            replace(REFERENCE, tools=(*REFERENCE.tools, replace(DENOISE, name="image denoising"))),
            "pairs[1].plan.tools",
        ),
    ],
)
async def test_a_reference_that_contradicts_itself_is_refused(reference: PlanReference, field: str) -> None:
    request = request_for(["a"], ["plan_f1"])
    request.pairs.add(output=Content(text="b"), plan=plan_reference_to_proto(reference))
    async with scoring() as scorer:
        with pytest.raises(errors.InvalidArgument) as caught:
            await scorer.score_outputs(request)
    assert [violation.field for violation in caught.value.details.violations] == [field]


async def test_a_slow_metric_holds_no_other_request_back() -> None:
    entered, release = threading.Event(), threading.Event()

    def slow(output: str, reference: PlanReference) -> float:
        entered.set()
        return float(release.wait(timeout=30))

    metrics = [metric("slow", slow), metric("fast", lambda output, reference: 0.5)]
    async with scoring(wire(metrics)) as client:
        waiting = asyncio.create_task(client.score_outputs(request_for(["a"], ["slow"])))
        await asyncio.to_thread(entered.wait, 30)
        fast = await client.score_outputs(request_for(["a"], ["fast"]))
        assert not waiting.done()
        release.set()
        slow_scores = await waiting

    assert list(fast.scores[0].values) == [0.5]
    assert list(slow_scores.scores[0].values) == [1.0]


async def test_a_cancelled_request_stops_after_the_slice_it_is_in() -> None:
    entered, release = threading.Event(), threading.Event()
    scored = 0

    def counting(output: str, reference: PlanReference) -> float:
        nonlocal scored
        scored += 1
        entered.set()
        release.wait(timeout=30)
        return 0.0

    async with scoring(wire([metric("counting", counting)])) as client:
        running = asyncio.create_task(client.score_outputs(request_for(["a"] * 1000, ["counting"])))
        await asyncio.to_thread(entered.wait, 30)
        running.cancel()
        await asyncio.wait([running])
        # The cancellation has reached the server when it has answered a later call.
        with pytest.raises(errors.InvalidArgument):
            await client.score_outputs(request_for(["a"], ["none"]))
        release.set()
    # Whatever threads still do, they have done now.
    await asyncio.get_running_loop().shutdown_default_executor()

    assert running.cancelled()
    assert scored < 1000
