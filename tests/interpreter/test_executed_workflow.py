"""ExecuteWorkflow that ends in its answer's plan, over a real channel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from typing import TypeAlias

import pytest

from autoflow.client import errors
from autoflow.client.interpreter import InterpreterClient
from autoflow.errors import ResourceExhausted
from autoflow.testing import ScriptedModel, ScriptedTools
from autoflow.v1 import interpreter_service_pb2 as pb
from autoflow.v1 import task_pb2
from autoflow.v1.tool_service_pb2 import CallToolRequest, CallToolResponse
from tests.interpreter.provided import DRAW, IMPATIENT, LOUDER, core, provider, samples

ONE_STEP = "Step 1:::terminal:::Give the plan\n"

Interpreting: TypeAlias = Callable[..., AbstractAsyncContextManager[InterpreterClient]]
Request: TypeAlias = Callable[..., pb.ExecuteWorkflowRequest]


def on(*texts: str) -> pb.PlanTarget:
    return pb.PlanTarget(samples=samples(*texts), output=task_pb2.CONTENT_TYPE_TEXT)


def saying(answer: str) -> ScriptedModel:
    return ScriptedModel(lambda messages: answer)


async def events_of(client: InterpreterClient, request: pb.ExecuteWorkflowRequest) -> list[pb.ExecutionEvent]:
    return core([event async for event in client.execute_workflow(request)])


async def answered(events: AsyncIterator[pb.ExecutionEvent]) -> None:
    """Returns when the last step was answered."""
    async for event in events:
        if event.HasField("step_answered"):
            return


class Held:
    """A call of a tool that goes on for ever."""

    def __init__(self) -> None:
        self.called, self.cancelled = asyncio.Event(), asyncio.Event()
        self.tools = ScriptedTools([LOUDER], self._answer)

    async def _answer(self, _: CallToolRequest) -> CallToolResponse:
        self.called.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled.set()
        raise AssertionError("it is never set")


async def test_the_answers_plan_is_executed_before_the_end(
    interpreting: Interpreting, request_for: Request
) -> None:
    async with interpreting(saying("louder, Louder"), tools=[provider("a", LOUDER)]) as client:
        asked = request_for(ONE_STEP, plan=on("hush", "silence"))
        events = await events_of(client, asked)
        alone = await client.execute_plan(
            pb.ExecutePlanRequest(plan="louder, Louder", samples=asked.plan.samples, output=asked.plan.output)
        )

    assert [event.WhichOneof("event") for event in events] == [
        "step_started",
        "step_answered",
        "plan_executed",
        "finished",
    ]
    executed = events[2].plan_executed
    assert executed == alone
    assert executed.results[0].output.text == "a: a: hush!!"
    assert executed.results[1].failure.tool == "Louder"
    assert events[3].finished.outcome == pb.EXECUTION_OUTCOME_ANSWERED
    assert events[3].finished.answer == "louder, Louder"


async def test_a_plan_that_cannot_be_executed_is_told_and_the_answer_stands(
    interpreting: Interpreting, request_for: Request
) -> None:
    async with interpreting(saying("Shrink"), tools=[provider("a", LOUDER)]) as client:
        *_, executed, finished = await events_of(client, request_for(ONE_STEP, plan=on("hush")))

    assert executed.plan_executed.outcome == pb.PLAN_OUTCOME_UNKNOWN_TOOL
    assert finished.finished.answer == "Shrink"


async def test_without_an_answer_nothing_is_executed(
    interpreting: Interpreting, request_for: Request
) -> None:
    tools = provider("a", LOUDER)
    async with interpreting(saying(" "), tools=[tools]) as client:
        events = await events_of(client, request_for(ONE_STEP, plan=on("hush")))

    assert [event.WhichOneof("event") for event in events] == ["step_started", "step_answered", "finished"]
    assert tools.requests == []


async def test_what_is_wrong_with_the_samples_is_told_before_anything_is_spent(
    interpreting: Interpreting, request_for: Request
) -> None:
    model, plan = saying("Louder"), on("hush", "hush")
    plan.samples.add(inputs=[task_pb2.Content(image=b"picture")])
    async with interpreting(model, tools=[provider("a", LOUDER)]) as client:
        with pytest.raises(errors.InvalidArgument) as refused:
            await events_of(client, request_for(ONE_STEP, plan=plan))

    assert [found.field for found in refused.value.details.violations] == ["plan.samples[2].inputs"]
    assert model.calls == []


async def test_without_providers_nothing_is_spent(interpreting: Interpreting, request_for: Request) -> None:
    model = saying("Louder")
    async with interpreting(model) as client:
        with pytest.raises(errors.FailedPrecondition, match="AUTOFLOW_TOOL_PROVIDERS"):
            await events_of(client, request_for(ONE_STEP, plan=on("hush")))
        assert model.calls == []
        # Nothing is missing where no plan is to be executed.
        await events_of(client, request_for(ONE_STEP))


async def test_the_limit_on_time_holds_for_tools_too(
    interpreting: Interpreting, request_for: Request
) -> None:
    held = Held()
    limits = pb.ExecutionLimits()
    limits.max_wall_time.FromSeconds(1)
    async with interpreting(saying("Louder"), tools=[held.tools]) as client:
        events = await events_of(client, request_for(ONE_STEP, plan=on("hush"), limits=limits))
        async with asyncio.timeout(20):
            await held.cancelled.wait()

    assert events[-1].finished.outcome == pb.EXECUTION_OUTCOME_TIME_LIMIT
    assert events[-1].finished.answer == ""
    assert not any(event.HasField("plan_executed") for event in events)


async def test_who_cancels_an_execution_cancels_its_tools(
    interpreting: Interpreting, request_for: Request
) -> None:
    held = Held()
    async with interpreting(saying("Louder"), tools=[held.tools]) as client:
        async with (
            aclosing(client.execute_workflow(request_for(ONE_STEP, plan=on("hush")))) as events,
            asyncio.timeout(20),
        ):
            await answered(events)
            await held.called.wait()
        async with asyncio.timeout(20):
            await held.cancelled.wait()


@pytest.mark.parametrize("away", [True, False])
async def test_the_tools_trouble_ends_the_call_after_the_events_so_far(
    interpreting: Interpreting, request_for: Request, *, away: bool
) -> None:
    def refuse(_: CallToolRequest) -> CallToolResponse:
        raise ResourceExhausted("too much to do", retry_after=0.01)

    tools = "127.0.0.1:1" if away else ScriptedTools([LOUDER], refuse)
    kind = errors.Unavailable if away else errors.ResourceExhausted
    async with interpreting(saying("Louder"), tools=[tools]) as client:
        events = client.execute_workflow(request_for(ONE_STEP, plan=on("hush")), timeout=20)
        assert [(await anext(events)).WhichOneof("event") for _ in range(4)] == [
            "started",
            "step_started",
            "model_called",
            "step_answered",
        ]
        with pytest.raises(kind):
            await anext(events)


async def test_an_execution_counts_once(interpreting: Interpreting, request_for: Request) -> None:
    held = Held()
    async with (
        interpreting(
            saying("Louder"),
            tools=[held.tools, provider("b", DRAW)],
            patience=IMPATIENT,
            interpreter_max_plans=1,
            interpreter_max_executions=1,
        ) as client,
        aclosing(client.execute_workflow(request_for(ONE_STEP, plan=on("hush")))) as events,
        asyncio.timeout(20),
    ):
        await answered(events)
        await held.called.wait()
        # It is an execution, of which there may be one, and no plan of those without a workflow.
        with pytest.raises(errors.ResourceExhausted, match="executions are under way"):
            await events_of(client, request_for(ONE_STEP))
        response = await client.execute_plan(
            pb.ExecutePlanRequest(plan="Draw", samples=samples("hush"), output=task_pb2.CONTENT_TYPE_IMAGE)
        )
        assert response.results[0].output.image == b"b: hush!"
