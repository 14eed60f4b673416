"""Providers that come and go, and providers that do not keep their contract."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias

import pytest

from autoflow.client import errors
from autoflow.client.interpreter import InterpreterClient
from autoflow.convert import content_type_to_proto
from autoflow.server import ServerSettings
from autoflow.suites import Tool
from autoflow.testing import ScriptedTools, serving
from autoflow.v1 import interpreter_service_pb2 as pb
from autoflow.v1.task_pb2 import Content
from autoflow.v1.tool_service_pb2 import CallToolRequest, CallToolResponse, ToolFailure, ToolResult
from tests.interpreter.provided import DRAW, IMPATIENT, LOUDER, SOFTER, provider, request

Interpreting: TypeAlias = Callable[..., AbstractAsyncContextManager[InterpreterClient]]

NOBODY = "127.0.0.1:1"


async def test_the_first_provider_of_a_tool_has_it(interpreting: Interpreting) -> None:
    async with interpreting(
        patience=IMPATIENT, tools=[provider("a", LOUDER), provider("b", LOUDER, SOFTER)]
    ) as client:
        response = await client.execute_plan(request("Louder, Softer", "hush"))

    assert response.results[0].output.text == "b: a: hush!!"


async def test_a_plan_that_needs_no_tool_of_a_provider_that_is_away_is_executed(
    interpreting: Interpreting,
) -> None:
    async with interpreting(patience=IMPATIENT, tools=[provider("a", LOUDER), NOBODY]) as client:
        response = await client.execute_plan(request("louder, Louder", "hush"), timeout=20)
        assert response.results[0].output.text == "a: a: hush!!"
        # It may be the name of a tool that nobody has seen yet.
        for plan in ("Shrink", "Louder voice"):
            with pytest.raises(errors.Unavailable, match="cannot be reached"):
                await client.execute_plan(request(plan, "hush"), timeout=20)


async def test_a_tool_of_a_later_provider_is_not_taken_in_place_of_an_earlier_ones(
    interpreting: Interpreting, caplog: pytest.LogCaptureFixture
) -> None:
    async with interpreting(patience=IMPATIENT, tools=[NOBODY, provider("a", LOUDER)]) as client:
        with pytest.raises(errors.Unavailable, match="cannot be reached") as told:
            await client.execute_plan(request("Louder", "hush"), timeout=20)
    assert NOBODY not in str(told.value)
    # Operators learn which one it is.
    assert NOBODY in [getattr(record, "address", "") for record in caplog.records]


async def test_a_provider_that_went_away_keeps_its_tools_until_it_is_back(interpreting: Interpreting) -> None:
    coming_and_going = provider("b", LOUDER, SOFTER)
    async with serving(coming_and_going.service) as address:
        pass
    settings = ServerSettings(address=address)
    # As after a time in which no list was asked for.
    async with interpreting(patience=IMPATIENT, tools=[provider("a", LOUDER), address]) as client:
        async with serving(coming_and_going.service, settings), asyncio.timeout(20):
            response = None
            while response is None:
                try:
                    response = await client.execute_plan(request("Louder, Softer", "hush"))
                except errors.Unavailable:
                    await asyncio.sleep(0.1)
        assert response.results[0].output.text == "b: a: hush!!"

        with pytest.raises(errors.Unavailable, match="the provider of Softer could not serve"):
            await client.execute_plan(request("Softer", "hush"), timeout=20)
        still = await client.execute_plan(request("Louder", "hush"))
        wrong = await client.execute_plan(request("Shrink", "hush"))
    assert still.results[0].output.text == "a: hush!"
    assert wrong.outcome == pb.PLAN_OUTCOME_UNKNOWN_TOOL


async def test_where_a_tool_is_gone_when_its_turn_comes_the_list_is_asked_anew(
    interpreting: Interpreting, caplog: pytest.LogCaptureFixture
) -> None:
    held, go_on = asyncio.Event(), asyncio.Event()

    async def answer(asked: CallToolRequest) -> CallToolResponse:
        held.set()
        await go_on.wait()
        return CallToolResponse(results=[ToolResult(output=Content(text="done"))] * len(asked.samples))

    tools = ScriptedTools([LOUDER, SOFTER], answer)
    async with interpreting(patience=IMPATIENT, tools=[tools]) as client:
        first = asyncio.create_task(client.execute_plan(request("Louder, Softer", "hush")))
        await held.wait()
        tools.tools.pop()
        go_on.set()
        # The interpreter says that it may be tried again, so the client does, and by then more is known.
        response = await first

    assert response.outcome == pb.PLAN_OUTCOME_UNKNOWN_TOOL
    assert [call.tool for call in tools.requests] == ["Louder"]
    assert "no tool is named 'Softer'" in caplog.text


async def test_a_tool_whose_description_breaks_the_contract_is_passed_over(
    interpreting: Interpreting, caplog: pytest.LogCaptureFixture
) -> None:
    tools = provider("a", LOUDER, SOFTER)
    # A type of content that a later contract might have.
    tools.tools[1].inputs[:] = [7]  # type: ignore[list-item]
    async with interpreting(patience=IMPATIENT, tools=[tools]) as client:
        with caplog.at_level(logging.WARNING):
            response = await client.execute_plan(request("Louder", "hush"))
        gone = await client.execute_plan(request("Softer", "hush"))

    assert response.outcome == pb.PLAN_OUTCOME_EXECUTED
    assert gone.outcome == pb.PLAN_OUTCOME_UNKNOWN_TOOL
    assert "a tool is passed over, 'Softer': value must be" in caplog.text


@pytest.mark.parametrize(
    ("tool", "results", "told"),
    [
        (LOUDER, [], "gave 0 results for 1 samples"),
        (LOUDER, [ToolResult(output=Content(image=b"picture"))], "gave image where it promises text"),
        (LOUDER, [ToolResult(output=Content())], "gave nothing where it promises text"),
        (DRAW, [ToolResult(output=Content(text="words"))], "gave text where it promises image"),
    ],
)
async def test_a_provider_that_does_not_do_what_it_says_is_not_believed(
    interpreting: Interpreting, tool: Tool, results: list[ToolResult], told: str
) -> None:
    tools = ScriptedTools([LOUDER, DRAW], lambda _: CallToolResponse(results=results))
    asked = request(tool.name, "hush", output=content_type_to_proto(tool.output))
    async with interpreting(patience=IMPATIENT, tools=[tools]) as client:
        with pytest.raises(errors.Unavailable, match=told):
            await client.execute_plan(asked, timeout=20)


async def test_a_result_without_output_and_reason_is_a_failure_with_words(interpreting: Interpreting) -> None:
    tools = ScriptedTools([LOUDER], lambda _: CallToolResponse(results=[ToolResult()]))
    async with interpreting(patience=IMPATIENT, tools=[tools]) as client:
        response = await client.execute_plan(request("Louder", "hush"))

    assert response.results[0].failure.message == "the tool gave neither an output nor a reason"


async def test_a_reason_without_end_is_cut(interpreting: Interpreting) -> None:
    endless = ToolResult(failure=ToolFailure(message="no " * 10_000))
    tools = ScriptedTools([LOUDER], lambda _: CallToolResponse(results=[endless]))
    async with interpreting(patience=IMPATIENT, tools=[tools]) as client:
        response = await client.execute_plan(request("Louder", "hush"))

    assert len(response.results[0].failure.message) == 1000


async def test_a_call_that_takes_too_long_is_the_providers_trouble(interpreting: Interpreting) -> None:
    async def hang(_: CallToolRequest) -> CallToolResponse:
        await asyncio.Event().wait()
        raise AssertionError("it is never set")

    async with interpreting(
        patience=IMPATIENT, tools=[ScriptedTools([LOUDER], hang)], interpreter_tool_seconds=0.05
    ) as client:
        with pytest.raises(errors.Unavailable, match="the provider of Louder could not serve"):
            await client.execute_plan(request("Louder", "hush"), timeout=20)
