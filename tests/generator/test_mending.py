"""What becomes of a draw that is no valid workflow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from autoflow import prompts
from autoflow.client import errors
from autoflow.language import Diagnostic, check, repair
from autoflow.llm import Completion, FinishReason, Message, ModelUnavailable, PromptTooLong, Role
from autoflow.testing import ScriptedModel
from autoflow.testing.scripted_writer import ScriptedWriter
from autoflow.v1 import generator_service_pb2 as pb
from autoflow.v1 import model_pb2
from tests.generator.conftest import Generating, Request
from tests.generator.refining import OTHER, WORKFLOW, attempt, generated, refinement
from tests.language.corpus import corpus

MENDABLE = "1. Step 1 (process): Look at it -> Step 2\n2. Step 2 (terminal): Tell"
BROKEN = "Step 1:::decision:::Good?:::Yes::Step 2::No::Step 9\nStep 2:::terminal:::Tell\n"


def saying(*texts: str) -> Callable[[Sequence[Message]], str]:
    """Says one text after the other, by the turns that it sees; the last one for ever."""

    def script(messages: Sequence[Message]) -> str:
        written = sum(message.role is Role.ASSISTANT for message in messages)
        return texts[min(written, len(texts) - 1)]

    return script


def errors_in(text: str) -> list[Diagnostic]:
    return [found for found in check(text).diagnostics if found.severity == "error"]


@pytest.mark.parametrize("mending", [pb.MENDING_REPAIR, pb.MENDING_CORRECT])
async def test_what_can_be_mended_is_and_is_told(
    generating: Generating, request_for: Request, mending: pb.Mending.ValueType
) -> None:
    async with generating(ScriptedModel(saying(MENDABLE))) as client:
        _, (candidate,) = await generated(client, request_for(mending=mending))

    repaired = repair(MENDABLE)
    assert candidate.valid
    assert candidate.workflow.source == repaired.text
    assert candidate.raw_text == MENDABLE
    assert [(each.line, each.code) for each in candidate.changes] == [
        (each.line, each.code) for each in repaired.changes
    ]
    assert candidate.changes
    assert (list(candidate.drafts), candidate.usage.llm_calls) == ([], 1)


async def test_without_mending_a_candidate_is_what_was_drawn(
    generating: Generating, request_for: Request
) -> None:
    model = ScriptedModel(saying(MENDABLE, WORKFLOW))
    async with generating(model) as client:
        _, (candidate,) = await generated(client, request_for(mending=pb.MENDING_NONE))

    assert (candidate.workflow.source, candidate.raw_text) == (MENDABLE, MENDABLE)
    assert not candidate.valid
    assert {each.code for each in candidate.diagnostics} == {
        each.code for each in check(MENDABLE).diagnostics
    }
    assert (len(model.calls), list(candidate.changes), list(candidate.drafts)) == (1, [], [])


async def test_what_remains_is_shown_to_the_model_with_the_findings(
    generating: Generating, request_for: Request
) -> None:
    model = ScriptedModel(saying(BROKEN, WORKFLOW))
    sampling = model_pb2.SamplingParams(temperature=1.0, seed=7)
    async with generating(model) as client:
        _, (candidate,) = await generated(client, request_for(sampling=sampling))

    first, second = model.calls
    findings = [
        prompts.finding(found.line, found.code, found.message, found.fix) for found in errors_in(BROKEN)
    ]
    assert second.messages == (*first.messages, *prompts.correction(BROKEN, findings))
    assert "Line 1: 'Step 1' leads to 'Step 9'" in second.messages[-1].content
    assert "(unknown-target)" in second.messages[-1].content
    assert candidate.valid
    assert candidate.workflow.source == candidate.raw_text == WORKFLOW
    (draft,) = candidate.drafts
    assert draft.raw_text == BROKEN
    assert draft.finish_reason == model_pb2.FINISH_REASON_STOP
    assert [each.code for each in draft.diagnostics] == [each.code for each in check(BROKEN).diagnostics]
    assert candidate.usage.llm_calls == 2
    assert candidate.usage.completion_tokens == draft.usage.completion_tokens + len(WORKFLOW.split(" "))
    assert candidate.usage.prompt_tokens > 2 * draft.usage.prompt_tokens


async def test_every_draw_has_a_seed_of_its_own(generating: Generating, request_for: Request) -> None:
    model = ScriptedModel(saying(BROKEN))
    sampling = model_pb2.SamplingParams(temperature=1.0, seed=40)
    async with generating(model) as client:
        await generated(client, request_for(3, sampling=sampling, max_corrections=3))

    seeds = [call.sampling.seed for call in model.calls if call.sampling]
    assert sorted(seeds) == list(range(40, 52))


@pytest.mark.parametrize(
    ("fields", "calls"), [({}, 3), ({"max_corrections": 0}, 1), ({"max_corrections": 8}, 9)]
)
async def test_corrections_are_bounded(
    generating: Generating, request_for: Request, fields: dict[str, int], calls: int
) -> None:
    model = ScriptedModel(saying(BROKEN))
    async with generating(model) as client:
        _, (candidate,) = await generated(client, request_for(**fields))

    assert not candidate.valid
    assert candidate.workflow.source == candidate.raw_text == BROKEN
    assert len(model.calls) == calls == candidate.usage.llm_calls
    assert len(candidate.drafts) == calls - 1


async def test_a_repair_alone_asks_nothing(generating: Generating, request_for: Request) -> None:
    model = ScriptedModel(saying(BROKEN, WORKFLOW))
    async with generating(model) as client:
        _, (candidate,) = await generated(client, request_for(mending=pb.MENDING_REPAIR))

    assert (candidate.valid, len(model.calls)) == (False, 1)


@pytest.mark.parametrize("mending", [pb.MENDING_NONE, pb.MENDING_REPAIR, pb.MENDING_CORRECT])
async def test_what_the_limit_cut_off_is_never_valid_and_never_repaired(
    generating: Generating, request_for: Request, mending: pb.Mending.ValueType
) -> None:
    """The eleven words that are left are a sound workflow."""
    text = f"{WORKFLOW.strip()} and then say goodbye"
    limit = model_pb2.SamplingParams(max_tokens=len(WORKFLOW.split(" ")))
    model = ScriptedModel(saying(text))
    async with generating(model) as client:
        _, (candidate,) = await generated(client, request_for(mending=mending, sampling=limit))

    assert check(candidate.workflow.source).ok
    assert not candidate.valid
    assert candidate.workflow.source == candidate.raw_text == WORKFLOW.strip()
    assert candidate.finish_reason == model_pb2.FINISH_REASON_LENGTH
    assert list(candidate.changes) == []
    assert len(model.calls) == (3 if mending == pb.MENDING_CORRECT else 1)


async def test_a_model_is_told_that_its_text_was_cut_off(
    generating: Generating, request_for: Request
) -> None:
    model = ScriptedModel(saying(f"{WORKFLOW}{'and so on ' * 20}", WORKFLOW))
    async with generating(model) as client:
        _, (candidate,) = await generated(
            client, request_for(sampling=model_pb2.SamplingParams(max_tokens=12))
        )

    assert candidate.valid
    assert [each.finish_reason for each in candidate.drafts] == [model_pb2.FINISH_REASON_LENGTH]
    assert prompts.CUT_OFF in model.calls[1].messages[-1].content


class Filtered(ScriptedModel):
    """A provider whose filter withholds everything."""

    async def complete(self, *args: Any, **fields: Any) -> Completion:
        """Draws as any model, and withholds it."""
        drawn = await super().complete(*args, **fields)
        return Completion("", FinishReason.CONTENT_FILTER, drawn.usage)


async def test_what_a_filter_withheld_is_not_asked_for_again(
    generating: Generating, request_for: Request
) -> None:
    model = Filtered(saying(BROKEN))
    async with generating(model) as client:
        _, (candidate,) = await generated(client, request_for())

    assert candidate.finish_reason == model_pb2.FINISH_REASON_CONTENT_FILTER
    assert (candidate.valid, len(model.calls)) == (False, 1)


async def test_only_the_last_draft_is_shown_where_all_do_not_fit(
    generating: Generating, request_for: Request
) -> None:
    shown: list[int] = []

    def script(messages: Sequence[Message]) -> str:
        written = sum(message.role is Role.ASSISTANT for message in messages)
        if written > 1:
            raise PromptTooLong("two drafts")
        shown.append(written)
        return BROKEN

    async with generating(ScriptedModel(script)) as client:
        _, (candidate,) = await generated(client, request_for(max_corrections=3))

    assert shown == [0, 1, 1, 1]
    assert len(candidate.drafts) == 3


async def test_a_draft_that_does_not_fit_is_the_candidate(
    generating: Generating, request_for: Request
) -> None:
    def script(messages: Sequence[Message]) -> str:
        if messages[-1].content.startswith("This workflow cannot"):
            raise PromptTooLong("no room")
        return BROKEN

    async with generating(ScriptedModel(script)) as client:
        _, (candidate,) = await generated(client, request_for())

    assert candidate.raw_text == candidate.workflow.source == BROKEN
    assert (list(candidate.drafts), candidate.valid) == ([], False)


async def test_a_correction_that_fails_ends_the_request(generating: Generating, request_for: Request) -> None:
    def script(messages: Sequence[Message]) -> str:
        if messages[-1].content.startswith("This workflow cannot"):
            raise ModelUnavailable("no route")
        return BROKEN

    async with generating(ScriptedModel(script)) as client:
        with pytest.raises(errors.Unavailable):
            await generated(client, request_for(2))


async def test_what_is_the_same_workflow_is_marked(generating: Generating) -> None:
    texts = [WORKFLOW, OTHER, f"```\n{WORKFLOW}```", BROKEN, BROKEN]
    model = ScriptedModel(lambda messages: texts[len(model.calls) - 1])
    request = refinement(
        attempt(BROKEN, "broken"), attempt(f"```\n{OTHER}```"), count=5, mending=pb.MENDING_REPAIR
    )
    async with generating(model) as client:
        messages = [message.candidate async for message in client.refine_workflow(request)][1:]

    drawn = {each.index: each for each in messages}
    first, second = sorted((0, 2), key=[each.index for each in messages].index)
    assert drawn[second].duplicate_of == first
    assert [index for index, each in drawn.items() if each.HasField("duplicate_of")] == [second]
    repeats = {
        index: each.repeats_attempt for index, each in drawn.items() if each.HasField("repeats_attempt")
    }
    assert repeats == {1: 1}


async def test_no_invalid_workflow_is_returned_as_valid_whatever_is_written(
    generating: Generating, request_for: Request
) -> None:
    """`python -m benchmarks.valid_workflows` measures the same with every number of corrections."""
    entries = corpus()
    writer = ScriptedWriter([entry.text for entry in entries], WORKFLOW, seed=1)
    after_repair = corrected = 0
    async with generating(ScriptedModel(writer), generator_max_requests=64) as client:
        for case, entry in enumerate(entries):
            request = request_for(max_corrections=8)
            request.goal = f"case {case}"
            _, (candidate,) = await generated(client, request)
            takes = 0 if repair(entry.text).workflow else writer.corrections(case, 8)
            assert candidate.valid is (takes is not None), entry.name
            assert len(candidate.drafts) == (8 if takes is None else takes)
            assert not candidate.valid or check(candidate.workflow.source).ok
            assert candidate.raw_text == (WORKFLOW if takes else entry.text)
            after_repair += takes == 0
            corrected += candidate.valid
    assert after_repair < corrected
    assert corrected >= 0.95 * len(entries)
