"""What the interpreter refuses, passes on, and gives up, over a real channel."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from typing import TypeAlias

import grpc
import pytest

from autoflow.client import errors
from autoflow.client.errors import from_grpc
from autoflow.client.interpreter import InterpreterClient
from autoflow.llm import (
    Message,
    ModelOverloaded,
    ModelUnavailable,
    UnknownAdapter,
)
from autoflow.testing import GatedModel, ScriptedModel, catalogue_of, serving
from autoflow.v1 import interpreter_service_pb2 as pb
from autoflow.v1 import task_pb2
from autoflow.v1.interpreter_service_pb2_grpc import InterpreterServiceStub
from autoflow_interpreter import build

ONE_STEP = "Step 1:::terminal:::Give the plan\n"


Interpreting: TypeAlias = Callable[..., AbstractAsyncContextManager[InterpreterClient]]
Request: TypeAlias = Callable[..., pb.ExecuteWorkflowRequest]


async def outcome_of(
    client: InterpreterClient, request: pb.ExecuteWorkflowRequest
) -> pb.ExecutionOutcome.ValueType:
    return [event async for event in client.execute_workflow(request)][-1].finished.outcome


async def test_a_workflow_with_errors_is_refused_with_the_first_of_them(
    interpreting: Interpreting, request_for: Request
) -> None:
    model = ScriptedModel(lambda messages: "never asked")
    source = "Step 1:::process:::Go on:::next::Step 7\nStep 2:::terminal:::\n"
    async with interpreting(model) as client:
        with pytest.raises(errors.InvalidArgument, match="unknown-target") as refused:
            await outcome_of(client, request_for(source))

    (violation,) = refused.value.details.violations
    assert violation.field == "workflow.source"
    assert "line 1: " in violation.description
    assert "empty-instruction" in violation.description
    assert model.calls == []


async def test_of_many_errors_a_few_are_told(interpreting: Interpreting, request_for: Request) -> None:
    source = "".join(f"Step {number}:::terminal:::\n" for number in range(1, 21))
    async with interpreting(ScriptedModel(lambda messages: "")) as client:
        with pytest.raises(errors.InvalidArgument, match=r"and \d+ more") as refused:
            await outcome_of(client, request_for(source))

    assert refused.value.message.count("line ") == 5


@pytest.mark.parametrize("source", ["", "I cannot do that."])
async def test_a_text_without_a_workflow_is_refused(
    interpreting: Interpreting, request_for: Request, source: str
) -> None:
    async with interpreting(ScriptedModel(lambda messages: "")) as client:
        with pytest.raises(errors.InvalidArgument, match="no-steps") as refused:
            await outcome_of(client, request_for(source))

    assert [violation.field for violation in refused.value.details.violations] == ["workflow.source"]


async def test_what_the_parser_forgives_is_executed(interpreting: Interpreting, request_for: Request) -> None:
    source = f"Here you are:\n```\n{ONE_STEP}```"
    async with interpreting(ScriptedModel(lambda messages: "a plan")) as client:
        assert await outcome_of(client, request_for(source)) == pb.EXECUTION_OUTCOME_ANSWERED


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (pb.ExecuteWorkflowRequest(query="q" * 20_001), "query"),
        (pb.ExecuteWorkflowRequest(limits=pb.ExecutionLimits(max_steps=1001)), "limits.max_steps"),
        (pb.ExecuteWorkflowRequest(memory=7), "memory"),  # type: ignore[arg-type]
        (pb.ExecuteWorkflowRequest(tools=[task_pb2.Tool(name="a, b")]), "tools[0].name"),
    ],
)
async def test_a_wrong_field_is_named(
    interpreting: Interpreting, request_for: Request, change: pb.ExecuteWorkflowRequest, field: str
) -> None:
    request = request_for(ONE_STEP)
    request.MergeFrom(change)
    async with interpreting(ScriptedModel(lambda messages: "")) as client:
        with pytest.raises(errors.InvalidArgument) as refused:
            await outcome_of(client, request)

    assert field in [violation.field for violation in refused.value.details.violations]


async def test_a_request_without_model_names_the_field(
    interpreting: Interpreting, request_for: Request
) -> None:
    request = request_for(ONE_STEP)
    request.ClearField("model")
    async with interpreting(ScriptedModel(lambda messages: "")) as client:
        with pytest.raises(errors.InvalidArgument) as refused:
            await outcome_of(client, request)

    assert [violation.field for violation in refused.value.details.violations] == ["model"]


async def test_an_unknown_model_is_not_found_and_the_known_ones_are_named(
    interpreting: Interpreting, request_for: Request
) -> None:
    async with interpreting(ScriptedModel(lambda messages: ""), ScriptedModel(str, name="other")) as client:
        with pytest.raises(errors.NotFound, match="there are: other, scripted"):
            await outcome_of(client, request_for(ONE_STEP, model="gpt-9"))


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (UnknownAdapter("no such adapter"), errors.NotFound),
        (ModelUnavailable("no route"), errors.Unavailable),
        (ModelOverloaded("a long queue"), errors.ResourceExhausted),
        # A model's own time-out is not the execution's limit on time.
        (TimeoutError("inside the model"), errors.Internal),
    ],
)
async def test_a_call_that_fails_is_an_error_and_no_outcome(
    request_for: Request, raised: Exception, expected: type[errors.RpcError]
) -> None:
    def script(messages: Sequence[Message]) -> str:
        raise raised

    async with serving(build({}, catalogue_of(ScriptedModel(script)))) as address:
        events, error = await _events_and_error(address, request_for(ONE_STEP))

    assert [event.WhichOneof("event") for event in events] == ["started", "step_started"]
    assert type(error) is expected


async def test_one_execution_too_many_is_refused_and_told_when_to_come_again(request_for: Request) -> None:
    model = GatedModel(lambda messages: "a plan")
    request = request_for(ONE_STEP, model="gated")
    service = build({"AUTOFLOW_INTERPRETER_MAX_EXECUTIONS": "1"}, catalogue_of(model))
    async with serving(service) as address:
        first = asyncio.create_task(_events_and_error(address, request))
        await model.until(calls=1)
        events, error = await _events_and_error(address, request)
        model.let_through(0)
        kept, nothing = await first
        # Whoever leaves makes room.
        model.let_through(1)
        later, _ = await _events_and_error(address, request)

    assert events == []
    assert isinstance(error, errors.ResourceExhausted)
    assert error.details.retry_after == 1.0
    assert nothing is None
    assert kept[-1].finished.outcome == later[-1].finished.outcome == pb.EXECUTION_OUTCOME_ANSWERED


async def test_cancelling_the_call_cancels_the_models_and_makes_room(
    interpreting: Interpreting, request_for: Request
) -> None:
    model = GatedModel(lambda messages: "a plan")
    request = request_for(ONE_STEP, model="gated")
    async with interpreting(model, interpreter_max_executions=1) as client:
        async with aclosing(client.execute_workflow(request)) as events:
            await anext(events)
            await model.until(calls=1)
        await model.until(cancelled=1)
        model.let_through(1)
        assert await outcome_of(client, request) == pb.EXECUTION_OUTCOME_ANSWERED

    assert model.cancelled == 1


async def test_executions_run_side_by_side(interpreting: Interpreting, request_for: Request) -> None:
    model = GatedModel(lambda messages: "a plan")
    request = request_for(ONE_STEP, model="gated")
    async with interpreting(model) as client:
        running = [asyncio.create_task(outcome_of(client, request)) for _ in range(50)]
        # All fifty calls are in flight before the first is answered.
        await model.until(calls=50)
        for call in range(50):
            model.let_through(call)
        assert await asyncio.gather(*running) == [pb.EXECUTION_OUTCOME_ANSWERED] * 50


async def test_a_limit_on_cost_needs_prices(request_for: Request) -> None:
    request = request_for(ONE_STEP, limits=pb.ExecutionLimits(max_cost_usd=0.5))
    async with serving(build({}, catalogue_of(ScriptedModel(lambda messages: "done")))) as address:
        events, error = await _events_and_error(address, request)

    assert events == []
    assert isinstance(error, errors.InvalidArgument)
    assert "limits.max_cost_usd" in str(error)


async def _events_and_error(
    address: str, request: pb.ExecuteWorkflowRequest
) -> tuple[list[pb.ExecutionEvent], errors.RpcError | None]:
    """By a bare channel, which repeats nothing."""
    events: list[pb.ExecutionEvent] = []
    async with grpc.aio.insecure_channel(address) as channel:
        try:
            async for event in InterpreterServiceStub(channel).ExecuteWorkflow(request, timeout=30):
                events.append(event.event)
        except grpc.aio.AioRpcError as error:
            return events, from_grpc(error, "ExecuteWorkflow")
    return events, None
