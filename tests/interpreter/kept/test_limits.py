"""Each limit ends an execution with an outcome of its own, and what was done is kept."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from google.protobuf.duration_pb2 import Duration

from autoflow.llm import (
    Completion,
    Constraint,
    FinishReason,
    Message,
    Sampling,
    ToolSpec,
    Usage,
)
from autoflow.testing import GatedModel, ScriptedModel
from autoflow.v1 import interpreter_service_pb2 as pb
from tests.interpreter.kept.servers import LOOP, Request, begun, events_of, kinds, rob, server

ROUND = ["step_started", "model_called", "step_answered", "model_called", "branch_taken"]
"""Of the loop: its answer, and its branch by a call of its own."""


class PricedModel(ScriptedModel):
    """Each call costs a cent."""

    def __init__(self) -> None:
        super().__init__(lambda messages: "B", name="priced")

    async def complete(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        *,
        constraint: Constraint | None = None,
        tools: Sequence[ToolSpec] = (),
        adapter: str | None = None,
    ) -> Completion:
        return Completion("B", FinishReason.STOP, Usage(1, 10, 1, 0, 0.01))


@pytest.mark.parametrize(
    ("limits", "outcome", "calls"),
    [
        (pb.ExecutionLimits(max_calls=3), pb.EXECUTION_OUTCOME_CALL_LIMIT, 3),
        (pb.ExecutionLimits(max_cost_usd=0.025), pb.EXECUTION_OUTCOME_COST_LIMIT, 3),
        (pb.ExecutionLimits(max_cost_usd=0.03), pb.EXECUTION_OUTCOME_COST_LIMIT, 3),
        (pb.ExecutionLimits(max_tokens=33), pb.EXECUTION_OUTCOME_TOKEN_LIMIT, 3),
        (pb.ExecutionLimits(max_tokens=34), pb.EXECUTION_OUTCOME_TOKEN_LIMIT, 4),
        (pb.ExecutionLimits(max_steps=2), pb.EXECUTION_OUTCOME_STEP_LIMIT, 4),
    ],
)
async def test_a_limit_is_an_outcome_also_in_the_middle_of_a_step(
    url: str,
    request_for: Request,
    limits: pb.ExecutionLimits,
    outcome: pb.ExecutionOutcome.ValueType,
    calls: int,
) -> None:
    async with server(url, PricedModel()) as one:
        events = await events_of(one.execute(request_for(LOOP, model="priced", limits=limits)))
        name = events[0].started.execution
        assert await events_of(one.watch(name)) == events
        kept = await one.get(name)

    finished = events[-1].finished
    assert finished.outcome == outcome
    assert finished.usage.llm_calls == calls
    assert finished.usage.cost_usd == pytest.approx(0.01 * calls)
    assert finished.detail
    assert finished.answer == ""
    assert finished.steps == 2
    assert kinds(events).count("model_called") == calls
    assert kinds(events)[:-1] == ["started", *ROUND, *ROUND, *ROUND][: len(events) - 1]
    assert kept.state == pb.EXECUTION_STATE_FINISHED
    assert kept.finished == finished


async def test_time_that_is_over_ends_a_call_of_the_model(url: str, request_for: Request) -> None:
    model = GatedModel(lambda messages: "B")
    model.let_through(0)
    limits = pb.ExecutionLimits(max_wall_time=Duration(nanos=300_000_000))
    async with server(url, model) as one:
        events = await events_of(one.execute(request_for(LOOP, model="gated", limits=limits)))

    assert events[-1].finished.outcome == pb.EXECUTION_OUTCOME_TIME_LIMIT
    assert kinds(events)[1:-1] == ROUND[:3]
    assert model.cancelled == 1


@pytest.mark.parametrize(
    ("limits", "outcome", "calls"),
    [
        (pb.ExecutionLimits(max_calls=5), pb.EXECUTION_OUTCOME_CALL_LIMIT, 5),
        (pb.ExecutionLimits(max_tokens=150), pb.EXECUTION_OUTCOME_TOKEN_LIMIT, 0),
        (pb.ExecutionLimits(max_steps=3), pb.EXECUTION_OUTCOME_STEP_LIMIT, 6),
    ],
)
async def test_limits_count_what_was_done_before_the_server_was_lost(
    url: str,
    request_for: Request,
    limits: pb.ExecutionLimits,
    outcome: pb.ExecutionOutcome.ValueType,
    calls: int,
) -> None:
    request = request_for(LOOP, model="gated", limits=limits, on_disconnect=pb.DISCONNECT_POLICY_CONTINUE)
    through = GatedModel(lambda messages: "B")
    for call in range(20):
        through.let_through(call)
    async with server(url, through) as one:
        undisturbed = await events_of(one.execute(request))

    lost, model = GatedModel(lambda messages: "B"), GatedModel(lambda messages: "B")
    for call in range(20):
        model.let_through(call)
    for call in range(3):
        lost.let_through(call)
    async with server(url, lost) as one:
        name = await begun(one.execute(request))
        await lost.until(calls=4)
    async with server(url, model) as one:
        events = await events_of(one.watch(name))

    finished, expected = events[-1].finished, undisturbed[-1].finished
    assert finished.outcome == expected.outcome == outcome
    assert finished.usage == expected.usage
    assert finished.steps == expected.steps
    assert finished.resumptions == 1
    assert [kind for kind in kinds(events) if kind != "resumed"] == kinds(undisturbed)
    # The call that was under way is the only one that was made twice.
    assert len(lost.calls) + len(model.calls) == finished.usage.llm_calls + (finished.usage.llm_calls > 3)
    assert not calls or finished.usage.llm_calls == calls


async def test_time_is_counted_on_by_the_next_server(url: str, request_for: Request) -> None:
    limits = pb.ExecutionLimits(max_wall_time=Duration(seconds=1))
    lost, model = GatedModel(lambda messages: "B"), GatedModel(lambda messages: "B")
    async with server(url, lost) as one:
        request = request_for(LOOP, model="gated", limits=limits, on_disconnect=pb.DISCONNECT_POLICY_CONTINUE)
        name = await begun(one.execute(request))
        await lost.until(calls=1)
        lost.let_through(0)
        await lost.until(calls=2)
        await rob(url)
        await lost.until(calls=3, cancelled=1)
    async with server(url, model) as one:
        events = await events_of(one.watch(name))

    first = events[0].time.ToNanoseconds()
    assert events[-1].finished.outcome == pb.EXECUTION_OUTCOME_TIME_LIMIT
    # Not a second for each of its servers.
    assert kinds(events).count("resumed") == 2
    assert events[-1].time.ToNanoseconds() > first
