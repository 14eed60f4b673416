"""Generator and interpreter with a catalogue's file, over real channels, down to a real HTTP endpoint."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from autoflow.client import Client, errors
from autoflow.testing import in_process
from autoflow.testing.endpoint import EndpointScript, Refusal, ScriptedEndpoint
from autoflow.testing.endpoint_answers import chat_answer
from autoflow.v1 import generator_service_pb2, interpreter_service_pb2, model_pb2, workflow_pb2
from tests.llm.endpoints import able, write_catalogue

WORKFLOW = """\
Step 1:::process:::Name the input.:::next::Step 2
Step 2:::decision:::Is it a picture?:::Yes::Step 3::No::Step 1
Step 3:::terminal:::Write the plan.
"""
KEY = "sk-live-0123456789"
PRICES = {"prompt": 1_000_000, "completion": 2_000_000}
MINE = model_pb2.ModelRef(model="mine")


@asynccontextmanager
async def services(
    tmp_path: Path, script: EndpointScript, **fields: Any
) -> AsyncIterator[tuple[Client, ScriptedEndpoint]]:
    """Both services, whose catalogue has the model `mine` at an endpoint with this script."""
    async with ScriptedEndpoint.serving(script) as endpoint:
        path = write_catalogue(tmp_path / "models.yaml", endpoint.base_url, key_variable="SOME_KEY", **fields)
        env = {"AUTOFLOW_MODELS": str(path), "AUTOFLOW_PRELOAD_MODELS": "none", "SOME_KEY": KEY}
        async with (
            in_process(env, ["generator", "interpreter"]) as system,
            Client.of(system.addresses) as client,
        ):
            yield client, endpoint


def generation(count: int = 1) -> generator_service_pb2.GenerateWorkflowsRequest:
    return generator_service_pb2.GenerateWorkflowsRequest(
        model=MINE, goal="Plan", count=count, sampling=model_pb2.SamplingParams(temperature=1.0)
    )


def execution() -> interpreter_service_pb2.ExecuteWorkflowRequest:
    return interpreter_service_pb2.ExecuteWorkflowRequest(
        workflow=workflow_pb2.Workflow(source=WORKFLOW),
        query="Describe a picture",
        model=MINE,
        protocol=interpreter_service_pb2.EXECUTION_PROTOCOL_STEPWISE,
    )


async def candidates(client: Client, count: int = 1) -> list[generator_service_pb2.Candidate]:
    stream = client.generator.generate_workflows(generation(count))
    return [event.candidate async for event in stream if event.HasField("candidate")]


def writes(body: Mapping[str, Any]) -> Mapping[str, Any]:
    answer = chat_answer(body, WORKFLOW)
    for choice in answer["choices"]:
        choice["logprobs"] = {"content": [{"token": "Step", "logprob": -0.25}]}
    return answer


async def test_an_endpoint_writes_candidates_with_log_probs_and_cost(tmp_path: Path) -> None:
    capabilities = {"log_probs": True, "max_n": 2}
    async with services(tmp_path, writes, capabilities=capabilities, prices=PRICES) as (client, endpoint):
        drawn = await candidates(client, 3)

    assert sorted(candidate.index for candidate in drawn) == [0, 1, 2]
    assert all(candidate.valid and candidate.workflow.source == WORKFLOW for candidate in drawn)
    assert {tuple(candidate.log_probs) for candidate in drawn} == {(-0.25,)}
    # Three candidates in calls of at most two; no grammar, since none is stated.
    assert sorted(call.body.get("n", 1) for call in endpoint.calls) == [1, 2]
    assert not any("structured_outputs" in call.body or "tools" in call.body for call in endpoint.calls)
    charged = [call.charged for call in endpoint.calls if call.charged is not None]
    assert sum(candidate.usage.llm_calls for candidate in drawn) == 2
    assert sum(candidate.usage.prompt_tokens for candidate in drawn) == sum(prompt for prompt, _ in charged)
    cost = sum(prompt + 2 * completion for prompt, completion in charged)
    assert sum(candidate.usage.cost_usd for candidate in drawn) == pytest.approx(cost)


async def test_an_endpoint_executes_a_workflow(tmp_path: Path) -> None:
    def answers(body: Mapping[str, Any]) -> str:
        return "A" if "Answer with one letter" in body["messages"][0]["content"] else "A plan"

    async with services(tmp_path, answers, prices=PRICES) as (client, endpoint):
        events = [event async for event in client.interpreter.execute_workflow(execution())]

    finished = events[-1].finished
    assert finished.outcome == interpreter_service_pb2.EXECUTION_OUTCOME_ANSWERED
    assert finished.answer == "A plan"
    assert finished.usage.llm_calls == len(endpoint.calls) == 4
    cost = sum(prompt + 2 * done for prompt, done in (call.charged or (0, 0) for call in endpoint.calls))
    assert finished.usage.cost_usd == pytest.approx(cost)
    assert {call.headers["authorization"] for call in endpoint.calls} == {f"Bearer {KEY}"}


async def test_an_endpoint_that_can_choose_is_never_asked_for_a_branch_in_words(tmp_path: Path) -> None:
    capabilities = {"choice": True, "json_schema": True}
    async with services(tmp_path, able, capabilities=capabilities) as (client, endpoint):
        events = [event async for event in client.interpreter.execute_workflow(execution())]

    taken = [event.branch_taken.label for event in events if event.HasField("branch_taken")]
    assert taken == ["next", "Yes"]
    assert ["response_format" in call.body for call in endpoint.calls] == [False, False, True, False]


async def test_the_catalogue_is_listed_over_the_wire(tmp_path: Path) -> None:
    fields: dict[str, Any] = {
        "capabilities": {"json_schema": True, "max_n": 8},
        "prices": {"prompt": 0.25, "cached": 0.025, "completion": 2},
        "context_tokens": 4096,
    }
    async with services(tmp_path, writes, **fields) as (client, endpoint):
        embedded, mine = (
            await client.generator.list_models(generator_service_pb2.ListModelsRequest())
        ).models
    assert mine == model_pb2.Model(
        name="mine",
        provider="openai",
        context_tokens=4096,
        capabilities=model_pb2.ModelCapabilities(json_schema=True, max_n=8),
        prices=model_pb2.ModelPrices(
            prompt_usd_per_million=0.25, cached_prompt_usd_per_million=0.025, completion_usd_per_million=2
        ),
    )
    assert (embedded.name, embedded.HasField("prices")) == ("embedded", False)
    assert endpoint.calls == []


async def test_a_cancelled_call_cancels_the_endpoints(tmp_path: Path) -> None:
    async def silent(body: Mapping[str, Any]) -> str:
        await asyncio.Event().wait()
        return ""

    async with services(tmp_path, silent) as (client, endpoint):
        for index, stream in enumerate(
            (
                client.interpreter.execute_workflow(execution()),
                client.generator.generate_workflows(generation()),
            )
        ):
            async with aclosing(stream):
                reading = asyncio.create_task(_drain(stream))
                await endpoint.until(lambda seen, calls=index + 1: len(seen.calls) == calls)  # type: ignore[misc]
                assert not endpoint.calls[index].disconnected
                reading.cancel()
                with suppress(asyncio.CancelledError):
                    await reading
            await endpoint.until(lambda seen, index=index: seen.calls[index].disconnected)  # type: ignore[misc]


async def test_a_deadline_reaches_the_endpoint(tmp_path: Path) -> None:
    silent = asyncio.Event()

    async def script(body: Mapping[str, Any]) -> str:
        if silent.is_set():
            await asyncio.Event().wait()
        return WORKFLOW

    async with services(tmp_path, script) as (client, endpoint):
        # Connected and imported, so that the deadline is all for the endpoint.
        await candidates(client)
        silent.set()
        with pytest.raises(errors.DeadlineExceeded):
            await _drain(client.generator.generate_workflows(generation(), timeout=1.0))
        await endpoint.until(lambda seen: seen.calls[-1].disconnected)
        assert len(endpoint.calls) == 2


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (401, errors.FailedPrecondition),
        (429, errors.ResourceExhausted),
        (503, errors.Unavailable),
    ],
)
async def test_an_endpoints_failure_is_a_status_without_its_words(
    tmp_path: Path, status: int, expected: type[errors.RpcError]
) -> None:
    def refuses(body: Mapping[str, Any]) -> Refusal:
        return Refusal(status, {"message": f"no {KEY} {WORKFLOW}"})

    async with services(tmp_path, refuses) as (client, _):
        with pytest.raises(expected) as caught:
            await _drain(client.generator.generate_workflows(generation()))
    assert KEY not in str(caught.value)
    assert "Step 1" not in str(caught.value)


async def _drain(stream: AsyncIterator[object]) -> None:
    async for _ in stream:
        pass
