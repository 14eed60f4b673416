"""ExecutePlan over real channels, with providers of tools that are servers of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias

import pytest

from autoflow.client import errors
from autoflow.client.interpreter import InterpreterClient
from autoflow.errors import ResourceExhausted
from autoflow.testing import ScriptedTools, answer_each
from autoflow.v1 import interpreter_service_pb2 as pb
from autoflow.v1.task_pb2 import CONTENT_TYPE_IMAGE, Content
from autoflow.v1.tool_service_pb2 import CallToolRequest, CallToolResponse, ToolResult
from tests.interpreter.provided import DRAW, IMPATIENT, LOUDER, provider, request

Interpreting: TypeAlias = Callable[..., AbstractAsyncContextManager[InterpreterClient]]


async def test_a_plan_goes_through_the_tools_of_several_providers(interpreting: Interpreting) -> None:
    async with interpreting(tools=[provider("a", LOUDER), provider("b", DRAW)]) as client:
        response = await client.execute_plan(
            request("1. louder\n2. draw it", "hush", "silence", output=CONTENT_TYPE_IMAGE)
        )

    assert response.outcome == pb.PLAN_OUTCOME_EXECUTED
    assert response.results[0].output.image == b"b: a: hush!!"
    assert response.results[1].failure == pb.PlanFailure(
        step=0, tool="Louder", message="there is nothing to do"
    )
    assert [(match.said, match.tool) for match in response.matches] == [
        ("1. louder", "Louder"),
        ("2. draw it", "Draw"),
    ]
    assert response.matches[0].kind == pb.TOOL_MATCH_KIND_NAME


async def test_a_plan_that_cannot_be_executed_says_why(interpreting: Interpreting) -> None:
    async with interpreting(tools=[provider("a", LOUDER, DRAW)]) as client:
        unknown = await client.execute_plan(request("Shrink", "hush"))
        unfit = await client.execute_plan(request("Draw, Louder", "hush"))
        empty = await client.execute_plan(request("", "hush"))

    assert unknown.outcome == pb.PLAN_OUTCOME_UNKNOWN_TOOL
    assert "the nearest are" in unknown.detail
    assert unfit.outcome == pb.PLAN_OUTCOME_TYPES_DO_NOT_FIT
    assert [match.tool for match in unfit.matches] == ["Draw", "Louder"]
    assert empty.outcome == pb.PLAN_OUTCOME_NO_PLAN
    for response in (unknown, unfit, empty):
        assert not response.results


async def test_samples_of_two_kinds_are_refused(interpreting: Interpreting) -> None:
    asked = request("Louder", "hush")
    asked.samples.add(inputs=[Content(image=b"picture")])
    async with interpreting(tools=[provider("a", LOUDER)]) as client:
        with pytest.raises(errors.InvalidArgument) as refused:
            await client.execute_plan(asked)

    assert [violation.field for violation in refused.value.details.violations] == ["samples[1].inputs"]


async def test_without_providers_nothing_can_be_executed(interpreting: Interpreting) -> None:
    async with interpreting() as client:
        with pytest.raises(errors.FailedPrecondition, match="AUTOFLOW_TOOL_PROVIDERS"):
            await client.execute_plan(request("Louder", "hush"))


async def test_one_plan_too_many_is_refused(interpreting: Interpreting) -> None:
    held, go_on = asyncio.Event(), asyncio.Event()

    async def hold(_: CallToolRequest) -> CallToolResponse:
        held.set()
        await go_on.wait()
        return CallToolResponse(results=[ToolResult(output=Content(text="done"))])

    async with interpreting(
        tools=[ScriptedTools([LOUDER], hold)], patience=IMPATIENT, interpreter_max_plans=1
    ) as client:
        first = asyncio.create_task(client.execute_plan(request("Louder", "hush")))
        await held.wait()
        with pytest.raises(errors.ResourceExhausted, match="plans are under way"):
            await client.execute_plan(request("Louder", "hush"), timeout=20)
        go_on.set()
        assert (await first).results[0].output.text == "done"


async def test_a_provider_with_too_much_to_do_is_told_of_with_a_hint(interpreting: Interpreting) -> None:
    def refuse(_: CallToolRequest) -> CallToolResponse:
        raise ResourceExhausted("too much to do", retry_after=0.01)

    async with interpreting(tools=[ScriptedTools([LOUDER], refuse)]) as client:
        with pytest.raises(errors.ResourceExhausted) as refused:
            await client.execute_plan(request("Louder", "hush"), timeout=20)

    assert refused.value.details.retry_after is not None


async def test_sixty_four_samples_are_asked_for_in_calls_that_any_server_reads(
    interpreting: Interpreting,
) -> None:
    tools = provider("a", LOUDER)
    long = "long " * 20_000
    async with interpreting(tools=[tools]) as client:
        short = await client.execute_plan(request("Louder", *["hush"] * 64))
        assert [len(call.samples) for call in tools.requests] == [16] * 4
        tools.requests.clear()
        # A character that takes four bytes: sixteen such samples are more than gRPC reads by default.
        await client.execute_plan(request("Louder", *["\U0001f389" * 90_000] * 16, long))
        assert sum(len(call.samples) for call in tools.requests) == 17
        assert max(call.ByteSize() for call in tools.requests) < 4 * 2**20

    assert [result.output.text for result in short.results] == ["a: hush!"] * 64


async def test_a_cancelled_plan_cancels_its_tools(interpreting: Interpreting) -> None:
    held, cancelled = asyncio.Event(), asyncio.Event()

    async def hold(_: CallToolRequest) -> CallToolResponse:
        held.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        raise AssertionError("it is never set")

    async with interpreting(tools=[ScriptedTools([LOUDER], hold)]) as client:
        call = asyncio.create_task(client.execute_plan(request("Louder", "hush")))
        await held.wait()
        call.cancel()
        async with asyncio.timeout(20):
            await cancelled.wait()


async def test_calls_of_one_provider_wait_for_each_other(interpreting: Interpreting) -> None:
    under_way = most = 0
    full = asyncio.Event()

    async def work(asked: CallToolRequest) -> CallToolResponse:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        if under_way == 2:
            full.set()
        await full.wait()
        # A third call, if one could come, would come meanwhile.
        await asyncio.sleep(0.01)
        under_way -= 1
        return CallToolResponse(results=[ToolResult(output=Content(text="done"))] * len(asked.samples))

    async with interpreting(tools=[ScriptedTools([LOUDER], work)], interpreter_max_tool_calls=2) as client:
        response = await client.execute_plan(request("Louder", *["hush"] * 64))

    assert len(response.results) == 64
    assert most == 2


async def test_an_output_that_is_too_large_is_a_failure_of_its_sample(interpreting: Interpreting) -> None:
    sizes = {"small": 10, "large": 2**20 + 1, "none": 0}
    tools = ScriptedTools([DRAW], answer_each(lambda _, inputs: b"p" * sizes[str(inputs[0])]))
    async with interpreting(tools=[tools]) as client:
        response = await client.execute_plan(request("Draw", *sizes, output=CONTENT_TYPE_IMAGE))

    assert [result.failure.message for result in response.results] == [
        "",
        "the tool's image cannot be passed on: it must be at most 1048576 bytes",
        "the tool's image cannot be passed on: it must be at least 1 bytes",
    ]
