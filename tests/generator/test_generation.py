"""What a generator draws and refuses, over a real channel."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from pathlib import Path
from typing import TypeAlias

import grpc
import pytest

from autoflow import prompts
from autoflow.client import errors
from autoflow.client.errors import from_grpc
from autoflow.client.generator import GeneratorClient
from autoflow.convert import tool_to_proto
from autoflow.language import check, decoding_grammar
from autoflow.llm import (
    Capabilities,
    Grammar,
    Message,
    ModelOverloaded,
    ModelUnavailable,
    PromptTooLong,
    UnknownAdapter,
)
from autoflow.suites import ContentType, Tool
from autoflow.testing import GatedModel, ScriptedModel, catalogue_of, serving
from autoflow.v1 import generator_service_pb2 as pb
from autoflow.v1 import model_pb2, workflow_pb2
from autoflow.v1.generator_service_pb2_grpc import GeneratorServiceStub
from autoflow_generator import build

WORKFLOW = "Step 1:::process:::Name the input:::next::Step 2\nStep 2:::terminal:::Give the plan\n"


Generating: TypeAlias = Callable[..., AbstractAsyncContextManager[GeneratorClient]]
Request: TypeAlias = Callable[..., pb.GenerateWorkflowsRequest]


async def drawn(
    client: GeneratorClient, request: pb.GenerateWorkflowsRequest
) -> tuple[pb.GenerationStarted, list[pb.Candidate]]:
    started, *candidates = [message async for message in client.generate_workflows(request)]
    assert started.WhichOneof("event") == "started"
    assert {message.WhichOneof("event") for message in candidates} == {"candidate"}
    return started.started, [message.candidate for message in candidates]


async def test_a_candidate_is_the_text_as_drawn_with_its_parse(
    generating: Generating, request_for: Request
) -> None:
    text = f"Here it is:\n```\n{WORKFLOW}```"
    async with generating(ScriptedModel(lambda messages: text)) as client:
        started, (candidate,) = await drawn(client, request_for())

    assert started == pb.GenerationStarted(prompt_version=prompts.VERSION, guidance=pb.GUIDANCE_NONE)
    workflow = check(text).workflow
    assert workflow is not None
    assert candidate.workflow.source == text
    assert candidate.workflow.digest == workflow.digest
    assert [step.name for step in candidate.workflow.steps] == ["Step 1", "Step 2"]
    assert candidate.valid
    assert {finding.code for finding in candidate.diagnostics} == {"leading-text", "code-fence"}
    assert candidate.finish_reason == model_pb2.FINISH_REASON_STOP
    assert candidate.usage.llm_calls == 1
    # A token of this model is a word.
    assert candidate.usage.completion_tokens == len(text.split(" "))


async def test_the_prompt_names_the_goal_the_tools_and_the_most_steps(
    generating: Generating, request_for: Request
) -> None:
    model = ScriptedModel(lambda messages: WORKFLOW)
    tool = Tool("Image Denoising", "removes noise", (ContentType.IMAGE,), ContentType.IMAGE)
    async with generating(model) as client:
        await drawn(client, request_for(tools=[tool_to_proto(tool)], max_steps=5))

    assert model.calls[0].messages == tuple(prompts.design("Plan which models to run", [tool], 5))


async def test_candidate_i_draws_with_seed_plus_i(generating: Generating, request_for: Request) -> None:
    model = ScriptedModel(lambda messages: WORKFLOW)
    adapter = "sha256:" + "0" * 64
    sampling = model_pb2.SamplingParams(temperature=1.0, max_tokens=300, seed=40)
    async with generating(model) as client:
        _, candidates = await drawn(client, request_for(3, sampling=sampling, adapter=adapter))

    assert sorted(candidate.index for candidate in candidates) == [0, 1, 2]
    asked = [call.sampling for call in model.calls if call.sampling is not None]
    assert sorted(each.seed for each in asked) == [40, 41, 42]
    assert {(each.temperature, each.max_tokens) for each in asked} == {(1.0, 300)}
    assert {call.adapter for call in model.calls} == {adapter}


async def test_without_sampling_the_draw_is_greedy_with_the_services_limit(
    generating: Generating, request_for: Request
) -> None:
    model = ScriptedModel(lambda messages: WORKFLOW)
    async with generating(model) as client:
        await drawn(client, request_for())
    other = ScriptedModel(lambda messages: WORKFLOW)
    async with generating(other, generator_max_tokens=99) as client:
        await drawn(client, request_for())

    (call,), (other_call,) = model.calls, other.calls
    assert call.sampling is not None
    assert (call.sampling.temperature, call.sampling.max_tokens, call.sampling.seed) == (0.0, 640, 0)
    assert other_call.sampling is not None
    assert other_call.sampling.max_tokens == 99


@pytest.mark.parametrize(("max_steps", "bound"), [(0, 8), (3, 3)])
async def test_the_grammar_masks_the_draw_where_the_model_can(
    generating: Generating, request_for: Request, max_steps: int, bound: int
) -> None:
    model = ScriptedModel(lambda messages: WORKFLOW, capabilities=Capabilities(grammar=True))
    async with generating(model) as client:
        started, _ = await drawn(client, request_for(max_steps=max_steps))

    constraint = model.calls[0].constraint
    assert isinstance(constraint, Grammar)
    assert constraint.ebnf == started.grammar == decoding_grammar(bound)


async def test_a_model_without_grammar_draws_freely(generating: Generating, request_for: Request) -> None:
    model = ScriptedModel(lambda messages: WORKFLOW)
    async with generating(model) as client:
        started, _ = await drawn(client, request_for())

    assert model.calls[0].constraint is None
    assert started.grammar == ""


async def test_a_text_that_is_no_workflow_is_an_invalid_candidate(
    generating: Generating, request_for: Request
) -> None:
    async with generating(ScriptedModel(lambda messages: "I cannot do that.")) as client:
        _, (candidate,) = await drawn(client, request_for())

    assert not candidate.valid
    assert candidate.workflow == workflow_pb2.Workflow(source="I cannot do that.")
    assert "no-steps" in {finding.code for finding in candidate.diagnostics}


async def test_a_workflow_with_errors_is_an_invalid_candidate_with_its_steps(
    generating: Generating, request_for: Request
) -> None:
    source = "Step 1:::process:::Go on:::next::Step 9\nStep 2:::terminal:::Stop\n"
    async with generating(ScriptedModel(lambda messages: source)) as client:
        _, (candidate,) = await drawn(client, request_for())

    assert not candidate.valid
    assert len(candidate.workflow.steps) == 2
    severities = {finding.code: finding.severity for finding in candidate.diagnostics}
    assert severities["unknown-target"] == workflow_pb2.SEVERITY_ERROR


async def test_a_candidate_that_was_cut_off_is_never_valid(
    generating: Generating, request_for: Request
) -> None:
    source = "Step 1:::terminal:::Give the plan and then say goodbye"
    sampling = model_pb2.SamplingParams(max_tokens=4)
    async with generating(ScriptedModel(lambda messages: source)) as client:
        _, (candidate,) = await drawn(client, request_for(sampling=sampling))

    assert candidate.workflow.source == "Step 1:::terminal:::Give the plan"
    assert check(candidate.workflow.source).ok
    assert candidate.finish_reason == model_pb2.FINISH_REASON_LENGTH
    assert not candidate.valid


async def test_a_slow_candidate_holds_none_back(generating: Generating, request_for: Request) -> None:
    model = GatedModel(lambda messages: WORKFLOW)
    async with (
        generating(model) as client,
        aclosing(client.generate_workflows(request_for(3, model="gated"))) as messages,
    ):
        started = asyncio.ensure_future(anext(messages))
        await model.until(calls=3)
        seeds = [call.sampling.seed for call in model.calls if call.sampling is not None]
        order = []
        for index in (2, 0, 1):
            model.let_through(seeds.index(index))
            assert (await started).HasField("started")
            order.append((await anext(messages)).candidate.index)
        assert order == [2, 0, 1]
        assert [message async for message in messages] == []


async def test_cancelling_the_stream_cancels_every_call_and_makes_room(
    generating: Generating, request_for: Request
) -> None:
    model = GatedModel(lambda messages: WORKFLOW)
    async with generating(model, generator_max_requests=1) as client:
        async with aclosing(client.generate_workflows(request_for(5, model="gated"))) as messages:
            model.let_through(0)
            await anext(messages)
            await model.until(calls=5)
        await model.until(cancelled=4)
        model.let_through(5)
        _, candidates = await drawn(client, request_for(1, model="gated"))

    assert len(candidates) == 1
    assert model.cancelled == 4


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (UnknownAdapter("no such adapter"), errors.NotFound),
        (PromptTooLong("1025 tokens, of 1024"), errors.InvalidArgument),
        (ModelUnavailable("no route"), errors.Unavailable),
        (ModelOverloaded("a long queue"), errors.ResourceExhausted),
    ],
)
async def test_a_call_that_fails_ends_the_request_and_the_other_calls(
    request_for: Request, raised: Exception, expected: type[errors.RpcError]
) -> None:
    calls = 0

    def script(messages: Sequence[Message]) -> str:
        nonlocal calls
        calls += 1
        if calls == 1:
            return WORKFLOW
        raise raised

    model = GatedModel(script)
    async with serving(build({}, catalogue_of(model))) as address:
        running = asyncio.create_task(_messages_and_error(address, request_for(4, model="gated")))
        await model.until(calls=4)
        model.let_through(0)
        model.let_through(1)
        messages, error = await running
        await model.until(cancelled=2)

    assert [message.WhichOneof("event") for message in messages] == ["started", "candidate"]
    assert type(error) is expected


async def test_one_request_too_many_is_refused_and_told_when_to_come_again(request_for: Request) -> None:
    model = GatedModel(lambda messages: WORKFLOW)
    service = build({"AUTOFLOW_GENERATOR_MAX_REQUESTS": "1"}, catalogue_of(model))
    async with serving(service) as address:
        first = asyncio.create_task(_messages_and_error(address, request_for(1, model="gated")))
        await model.until(calls=1)
        _, error = await _messages_and_error(address, request_for(1, model="gated"))
        model.let_through(0)
        messages, nothing = await first

    assert isinstance(error, errors.ResourceExhausted)
    assert error.details.retry_after == 1.0
    assert nothing is None
    assert len(messages) == 2


async def test_an_unknown_model_is_not_found(generating: Generating, request_for: Request) -> None:
    async with generating(ScriptedModel(lambda messages: WORKFLOW)) as client:
        with pytest.raises(errors.NotFound, match="there are: scripted"):
            await drawn(client, request_for(model="gpt-9"))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (pb.GenerateWorkflowsRequest(count=257), "count"),
        (pb.GenerateWorkflowsRequest(goal="g" * 4001), "goal"),
        (pb.GenerateWorkflowsRequest(max_steps=1), "max_steps"),
        (
            pb.GenerateWorkflowsRequest(sampling=model_pb2.SamplingParams(temperature=3)),
            "sampling.temperature",
        ),
        (pb.GenerateWorkflowsRequest(model=model_pb2.ModelRef(adapter="latest")), "model.adapter"),
    ],
)
async def test_a_wrong_field_is_named(
    generating: Generating, request_for: Request, change: pb.GenerateWorkflowsRequest, field: str
) -> None:
    request = request_for()
    request.MergeFrom(change)
    async with generating(ScriptedModel(lambda messages: WORKFLOW)) as client:
        with pytest.raises(errors.InvalidArgument) as refused:
            await drawn(client, request)

    assert [violation.field for violation in refused.value.details.violations] == [field]


async def test_linting_tells_what_is_wrong_and_is_no_error(generating: Generating) -> None:
    source = "Step 1:::process:::Go on:::next::Step 2\nStep 2:::terminal:::Stop\nStep 3:::terminal:::Never\n"
    async with generating(ScriptedModel(lambda messages: "")) as client:
        sound = await client.lint_workflow(_lint(WORKFLOW))
        broken = await client.lint_workflow(_lint(source))
        empty = await client.lint_workflow(_lint(""))

    assert sound.valid
    assert len(sound.workflow.steps) == 2
    assert list(sound.diagnostics) == []
    assert not broken.valid
    (finding,) = broken.diagnostics
    assert (finding.code, finding.line) == ("unreachable-step", 3)
    assert not empty.valid
    assert [finding.code for finding in empty.diagnostics] == ["no-steps"]


async def test_what_a_real_model_samples_under_the_grammar_is_valid_and_has_its_log_probs(
    generating: Generating, request_for: Request, tmp_path: Path
) -> None:
    pytest.importorskip("torch")
    from autoflow.llm.local import LocalModel
    from autoflow.testing.random_model import SMALL_SHAPE, write_random_model

    folder = write_random_model(tmp_path, shape={**SMALL_SHAPE, "max_position_embeddings": 1536})
    model = LocalModel.load("random", folder)
    sampling = model_pb2.SamplingParams(temperature=1.0, seed=3, max_tokens=900)
    async with generating(model) as client:
        started, candidates = await drawn(
            client, request_for(3, model="random", sampling=sampling, max_steps=2)
        )

    assert len(started.prompt_token_ids) > 0
    assert started.grammar == decoding_grammar(2)
    assert len({candidate.workflow.source for candidate in candidates}) == 3
    for candidate in candidates:
        assert len(candidate.token_ids) == len(candidate.log_probs) == candidate.usage.completion_tokens
        assert all(log_prob <= 0 for log_prob in candidate.log_probs)
        assert candidate.usage.prompt_tokens == len(started.prompt_token_ids)
        assert candidate.valid is (candidate.finish_reason == model_pb2.FINISH_REASON_STOP)
    assert any(candidate.valid for candidate in candidates)


def _lint(source: str) -> pb.LintWorkflowRequest:
    return pb.LintWorkflowRequest(workflow=workflow_pb2.Workflow(source=source))


async def _messages_and_error(
    address: str, request: pb.GenerateWorkflowsRequest
) -> tuple[list[pb.GenerateWorkflowsResponse], errors.RpcError | None]:
    """By a bare channel, which repeats nothing."""
    messages: list[pb.GenerateWorkflowsResponse] = []
    async with grpc.aio.insecure_channel(address) as channel:
        try:
            async for message in GeneratorServiceStub(channel).GenerateWorkflows(request, timeout=30):
                messages.append(message)
        except grpc.aio.AioRpcError as error:
            return messages, from_grpc(error, "GenerateWorkflows")
    return messages, None
