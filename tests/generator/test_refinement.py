"""What a model is shown of earlier attempts, and what is left out where its context is small."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from autoflow import prompts
from autoflow.client import Client, errors
from autoflow.client.generator import GeneratorClient
from autoflow.llm import Capabilities, Completion, Message, PromptTooLong, Role, Sampling
from autoflow.testing import ScriptedModel, catalogue_of, serving
from autoflow.v1 import generator_service_pb2 as pb
from autoflow_generator import build
from tests.generator.conftest import Generating
from tests.generator.refining import GOAL, OTHER, WORKFLOW, attempt, generated, refined, refinement

FAILURE = pb.StepFailure(
    step="Step 1",
    instruction="Name the input",
    answer="It is a text",
    tool="look",
    tool_input='{"at": "it"}',
    tool_output="a picture",
    score=0.25,
    query="What is on it?",
)


def model() -> ScriptedModel:
    """Writes the same workflow, whatever it is asked."""
    return ScriptedModel(lambda messages: WORKFLOW)


async def test_every_attempt_is_a_turn_that_is_followed_by_how_it_did(generating: Generating) -> None:
    writer = model()
    attempts = [attempt(OTHER, 0.25), attempt("nonsense", "No line of the text is a step.")]
    async with generating(writer) as client:
        started, (candidate,) = await refined(client, refinement(*attempts))

    assert writer.calls[0].messages == (
        *prompts.design(GOAL, (), 8),
        *prompts.revision(OTHER, prompts.score_verdict(0.25)),
        *prompts.revision("nonsense", prompts.error_verdict("No line of the text is a step.")),
    )
    assert started.attempts_left_out == 0
    assert started.guidance == pb.GUIDANCE_NONE
    assert candidate.valid
    assert candidate.workflow.source == candidate.raw_text == WORKFLOW


async def test_failures_are_told_with_all_that_is_known(generating: Generating) -> None:
    writer = model()
    async with generating(writer) as client:
        await refined(client, refinement(attempt(OTHER, 0.25, FAILURE)))

    last = writer.calls[0].messages[-1].content
    assert last.startswith("Score: 0.25\nWhat went wrong:\n- Step 1 answered: It is a text (score 0.25)\n")
    told = [FAILURE.query, FAILURE.instruction, FAILURE.tool, FAILURE.tool_input, FAILURE.tool_output]
    places = [last.index(each) for each in told]
    assert places == sorted(places)


async def test_an_error_stands_before_the_failures_of_its_attempt(generating: Generating) -> None:
    writer = model()
    async with generating(writer) as client:
        await refined(client, refinement(attempt(OTHER, "It never ended", FAILURE)))

    last = writer.calls[0].messages[-1].content
    assert last.index("- It never ended\n") < last.index("- Step 1 answered")


async def test_long_texts_of_a_failure_lose_their_middle(generating: Generating) -> None:
    writer = model()
    failure = pb.StepFailure(step="Step 1", answer="a" * 5000 + "z" * 5000, score=0)
    async with generating(writer) as client:
        await refined(client, refinement(attempt(OTHER, 0.0, failure)))

    last = writer.calls[0].messages[-1].content
    assert len(last) < 1000
    assert "aaa … zzz" in last


async def test_structure_is_asked_for_in_the_last_turn(generating: Generating) -> None:
    writer = model()
    async with generating(writer) as client:
        await refined(client, refinement(attempt(OTHER), change=pb.Change(structure=True)))

    turns = prompts.revision(OTHER, prompts.score_verdict(0.5))
    assert list(writer.calls[0].messages[-2:]) == prompts.structure_to_change(turns)


class SmallModel(ScriptedModel):
    """Has room for so many words of prompt; like models in process it cuts answers off at that."""

    def __init__(self, context: int, *, grammar: bool = False) -> None:
        super().__init__(self._write, name="small", capabilities=Capabilities(grammar=grammar))
        self.context = context

    def _write(self, messages: Sequence[Message]) -> str:
        return WORKFLOW

    async def complete(self, messages: Sequence[Message], sampling: Sampling, **others: Any) -> Completion:
        """Draws as any model, no further than the end of the context."""
        words = sum(len(each.content.split()) for each in messages if each.role is not Role.SYSTEM)
        if words >= self.context:
            raise PromptTooLong(f"{words} words")
        room = min(sampling.max_tokens, self.context - words)
        drawn = await super().complete(messages, replace(sampling, max_tokens=room), **others)
        return replace(drawn, usage=replace(drawn.usage, prompt_tokens=words))


@asynccontextmanager
async def serving_small(writer: SmallModel, *, states: bool = True) -> AsyncIterator[GeneratorClient]:
    """Serves it with a catalogue that states how large its context is, or does not."""
    catalogue = catalogue_of(writer, context_tokens=writer.context if states else 0)
    async with serving(build({}, catalogue)) as address, Client(generator=address) as client:
        yield client.generator


@pytest.mark.parametrize("states_context", [True, False])
async def test_the_oldest_attempts_are_left_out_until_an_answer_has_room(states_context: bool) -> None:
    """Where the context is known, a quarter of it is for the answer; elsewhere, whatever fits will do."""
    writer = SmallModel(160)
    attempts = [attempt(WORKFLOW.replace("input", f"input{i}"), i / 20) for i in range(20)]
    request = refinement(*attempts, count=3, model="small", mending=pb.MENDING_NONE)
    async with serving_small(writer, states=states_context) as client:
        started, candidates = await refined(client, request)

    asked = writer.calls[-1].messages
    shown = [message.content for message in asked if message.role is Role.ASSISTANT]
    assert shown == [each.workflow.source for each in attempts[started.attempts_left_out :]]
    words = sum(len(message.content.split()) for message in asked if message.role is not Role.SYSTEM)
    room = 160 // 4 if states_context else 1
    assert words <= 160 - room < words + 20
    assert sum(each.usage.llm_calls for each in candidates) == len(writer.calls)
    assert all(each.valid for each in candidates) or not states_context


@pytest.mark.parametrize("grammar", [True, False])
async def test_a_small_context_is_told_in_plain_words_alone(grammar: bool) -> None:
    """Without a grammar it has to be told what is to change."""
    writer = SmallModel(1000, grammar=grammar)
    request = refinement(attempt(OTHER, 0.25, FAILURE), model="small", change=pb.Change(structure=True))
    async with serving_small(writer) as client:
        await refined(client, request)

    failed = prompts.failed_step("Step 1", "It is a text", 0.25)
    turns = prompts.reflection(OTHER, 0.25, [failed])
    told = turns if grammar else prompts.structure_to_change(turns)
    assert list(writer.calls[-1].messages[-2:]) == told


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("I cannot", "No line of the text is a step."),
        (f"{WORKFLOW}{'and so on ' * 700}", prompts.CUT_OFF),
    ],
)
async def test_a_small_context_is_corrected_in_plain_words(text: str, error: str) -> None:
    """In those that the embedded model was trained on: one error, told as an attempt's."""

    def script(messages: Sequence[Message]) -> str:
        return WORKFLOW if messages[-2].role is Role.ASSISTANT else text

    writer = ScriptedModel(script)
    catalogue = catalogue_of(writer, context_tokens=1000)
    async with serving(build({}, catalogue)) as address, Client(generator=address) as client:
        request = pb.GenerateWorkflowsRequest(model=refinement().model, goal=GOAL, count=1)
        _, (candidate,) = await generated(client.generator, request)

    assert candidate.valid
    turns = prompts.revision(candidate.drafts[0].raw_text, prompts.error_verdict(error))
    assert list(writer.calls[1].messages) == [*prompts.design(GOAL, (), 8), *turns]


async def test_failures_of_the_newest_attempt_are_left_out_last() -> None:
    writer = SmallModel(100)
    failures = [pb.StepFailure(step="Step 1", answer="words " * 10, score=i / 32) for i in range(20)]
    async with serving_small(writer) as client:
        started, _ = await refined(
            client, refinement(attempt(WORKFLOW), attempt(OTHER, 0.5, *failures), model="small")
        )

    assert started.attempts_left_out == 1
    assert writer.calls[-1].messages[-1].content.count("answered") == 3


async def test_an_attempt_that_does_not_fit_by_itself_is_refused() -> None:
    writer = SmallModel(12)
    async with serving_small(writer) as client:
        with pytest.raises(errors.InvalidArgument):
            await refined(client, refinement(attempt(OTHER), model="small"))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (pb.RefineWorkflowRequest(count=257), "count"),
        (pb.RefineWorkflowRequest(attempts=[pb.Attempt(score=2)]), "attempts[1].score"),
        (pb.RefineWorkflowRequest(change=pb.Change(structure=False)), "change.structure"),
        (pb.RefineWorkflowRequest(max_corrections=9), "max_corrections"),
        (pb.RefineWorkflowRequest(mending=9), "mending"),  # type: ignore[arg-type]
    ],
)
async def test_a_wrong_field_is_named(
    generating: Generating, change: pb.RefineWorkflowRequest, field: str
) -> None:
    request = refinement(attempt(OTHER))
    request.MergeFrom(change)
    async with generating(model()) as client:
        with pytest.raises(errors.InvalidArgument) as refused:
            await refined(client, request)
    assert field in [violation.field for violation in refused.value.details.violations]
