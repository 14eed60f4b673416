"""What keeps a draw to the form of a workflow, and how steps are named."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from autoflow import prompts
from autoflow.language import check, from_json, named_grammar, names_grammar, to_json, workflow_schema
from autoflow.llm import Capabilities, Grammar, JsonSchema, Message, Role
from autoflow.testing import ScriptedModel
from autoflow.v1 import generator_service_pb2 as pb
from autoflow.v1 import model_pb2
from tests.generator.conftest import Generating, Request
from tests.generator.refining import GOAL, OTHER, WORKFLOW, attempt, generated, refined, refinement

JSON = Capabilities(json_schema=True)
NAMED = "Read it:::process:::Look:::next::Tell\nTell:::terminal:::Give the plan\n"


def as_json(text: str) -> str:
    workflow = check(text).workflow
    assert workflow is not None
    return to_json(workflow)


@pytest.mark.parametrize(
    ("can", "mending", "guidance"),
    [
        (Capabilities(), pb.MENDING_CORRECT, pb.GUIDANCE_NONE),
        (Capabilities(grammar=True, json_schema=True), pb.MENDING_CORRECT, pb.GUIDANCE_GRAMMAR),
        (Capabilities(grammar=True), pb.MENDING_NONE, pb.GUIDANCE_GRAMMAR),
        (JSON, pb.MENDING_REPAIR, pb.GUIDANCE_JSON_SCHEMA),
        (JSON, pb.MENDING_NONE, pb.GUIDANCE_NONE),
    ],
)
async def test_a_draw_is_guided_as_the_catalogue_says(
    generating: Generating,
    request_for: Request,
    can: Capabilities,
    mending: pb.Mending.ValueType,
    guidance: pb.Guidance.ValueType,
) -> None:
    model = ScriptedModel(lambda messages: WORKFLOW, capabilities=can)
    async with generating(model) as client:
        started, _ = await generated(client, request_for(mending=mending, max_corrections=0))

    kinds = {pb.GUIDANCE_NONE: type(None), pb.GUIDANCE_GRAMMAR: Grammar, pb.GUIDANCE_JSON_SCHEMA: JsonSchema}
    assert started.guidance == guidance
    assert isinstance(model.calls[0].constraint, kinds[guidance])
    assert bool(started.grammar) is (guidance == pb.GUIDANCE_GRAMMAR)


async def test_a_workflow_is_made_from_json(generating: Generating, request_for: Request) -> None:
    text = json.dumps(json.loads(as_json(WORKFLOW)), indent=2)
    model = ScriptedModel(lambda messages: text, capabilities=JSON)
    async with generating(model) as client:
        _, (candidate,) = await generated(client, request_for())

    (call,) = model.calls
    assert call.messages == tuple(prompts.design(GOAL, (), 8, as_json=True))
    assert call.constraint == JsonSchema("workflow", workflow_schema())
    assert candidate.valid
    assert candidate.workflow.source == WORKFLOW
    assert candidate.raw_text == text
    assert list(candidate.changes) == list(candidate.diagnostics) == []


async def test_json_that_is_unsound_is_repaired_or_corrected_in_json(
    generating: Generating, request_for: Request
) -> None:
    mendable = f"{WORKFLOW.strip()}:::next::Step 1\n"
    broken = WORKFLOW.replace("::Step 2", "::Step 7")

    def script(messages: Sequence[Message]) -> str:
        first = mendable if "mend" in messages[1].content else broken
        return as_json(WORKFLOW if messages[-2].role is Role.ASSISTANT else first)

    model = ScriptedModel(script, capabilities=JSON)
    async with generating(model) as client:
        request = request_for()
        request.goal = "mend"
        _, (repaired,) = await generated(client, request)
        request.goal = "correct"
        _, (corrected,) = await generated(client, request)

    assert repaired.valid
    assert repaired.raw_text == as_json(mendable)
    assert repaired.changes
    assert corrected.valid
    assert (list(corrected.changes), len(corrected.drafts)) == ([], 1)
    assert corrected.drafts[0].raw_text == as_json(broken) == model.calls[-1].messages[-2].content
    assert "- Item 1: 'Step 1' leads to 'Step 7'" in model.calls[-1].messages[-1].content


@pytest.mark.parametrize("text", ["[", "I cannot", '{"steps": []}', '{"steps": [{"name": "A"}]}', ""])
async def test_what_is_no_json_by_the_schema_is_a_finding(
    generating: Generating, request_for: Request, text: str
) -> None:
    model = ScriptedModel(lambda messages: text, capabilities=JSON)
    async with generating(model) as client:
        _, (candidate,) = await generated(client, request_for(max_corrections=1))

    assert not candidate.valid
    assert candidate.workflow.source == candidate.raw_text == text
    (found,) = candidate.diagnostics
    assert found.code == "not-by-schema"
    assert found.message in model.calls[1].messages[-1].content


async def test_json_that_was_cut_off_is_never_valid(generating: Generating, request_for: Request) -> None:
    text = as_json(WORKFLOW)
    model = ScriptedModel(lambda messages: f"{text} {{}}", capabilities=JSON)
    sampling = model_pb2.SamplingParams(max_tokens=len(text.split(" ")))
    async with generating(model) as client:
        _, (candidate,) = await generated(client, request_for(sampling=sampling, max_corrections=0))

    assert from_json(candidate.raw_text).text == WORKFLOW
    assert not candidate.valid


@pytest.mark.parametrize("can", [Capabilities(), JSON])
async def test_free_names_are_asked_for_in_the_prompt(
    generating: Generating, request_for: Request, can: Capabilities
) -> None:
    text = as_json(NAMED) if can.json_schema else NAMED
    model = ScriptedModel(lambda messages: text, capabilities=can)
    async with generating(model) as client:
        _, (candidate,) = await generated(client, request_for(step_naming=pb.STEP_NAMING_FREE))

    (call,) = model.calls
    assert call.messages == tuple(prompts.design(GOAL, (), 8, named=True, as_json=can.json_schema))
    assert candidate.valid
    assert [step.name for step in candidate.workflow.steps] == ["Read it", "Tell"]


async def test_a_grammar_is_made_for_names_that_were_asked_for_first(
    generating: Generating, request_for: Request
) -> None:
    def script(messages: Sequence[Message]) -> str:
        return "Read it\nTell\nread it\n" if "names of its steps" in messages[-1].content else NAMED

    model = ScriptedModel(script, capabilities=Capabilities(grammar=True))
    request = request_for(2, step_naming=pb.STEP_NAMING_FREE, max_steps=5)
    async with generating(model) as client:
        started, candidates = await generated(client, request)

    names, *draws = model.calls
    chat = prompts.design(GOAL, (), 5, named=True)
    grammar = named_grammar(["Read it", "Tell"])
    assert names.messages == tuple(prompts.step_names(chat, 5))
    assert names.constraint == Grammar(*names_grammar(5))
    named = prompts.steps_named(names.messages, ["Read it", "Tell"])
    assert [call.messages for call in draws] == [tuple(named)] * 2
    assert [call.constraint for call in draws] == [Grammar(*grammar)] * 2
    assert started.grammar == grammar.ebnf
    assert all(candidate.valid for candidate in candidates)
    # The question is in the cost of whichever candidate came first.
    assert sorted(candidate.usage.llm_calls for candidate in candidates) == [1, 2]


@pytest.mark.parametrize(
    ("answer", "words", "names"),
    [
        ("Read it\nTell it all\n", 3, ["Read it"]),
        ("Read it all\nTell\n", 1, ["Step 1"]),
    ],
)
async def test_a_name_that_was_cut_off_is_left_out(
    generating: Generating, request_for: Request, answer: str, words: int, names: list[str]
) -> None:
    model = ScriptedModel(lambda messages: answer, capabilities=Capabilities(grammar=True))
    sampling = model_pb2.SamplingParams(max_tokens=words)
    request = request_for(step_naming=pb.STEP_NAMING_FREE, sampling=sampling, mending=pb.MENDING_NONE)
    async with generating(model) as client:
        started, _ = await generated(client, request)

    assert started.grammar == named_grammar(names).ebnf


async def test_a_refinement_names_its_steps_after_the_attempts(generating: Generating) -> None:
    model = ScriptedModel(lambda messages: "Read it\nTell\n", capabilities=Capabilities(grammar=True))
    request = refinement(attempt(OTHER), step_naming=pb.STEP_NAMING_FREE, mending=pb.MENDING_NONE)
    async with generating(model) as client:
        await refined(client, request)

    names, draw = model.calls
    turns = prompts.revision(OTHER, prompts.score_verdict(0.5))
    chat = [*prompts.design(GOAL, (), 8, named=True), *turns]
    assert names.messages == tuple(prompts.step_names(chat, 8))
    assert draw.messages == tuple(prompts.steps_named(names.messages, ["Read it", "Tell"]))
