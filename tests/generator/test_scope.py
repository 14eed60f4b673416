"""One step of the newest attempt is to change: by grammar nothing else can, elsewhere it is a finding."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from autoflow import prompts
from autoflow.client import errors
from autoflow.language import check, step_grammar
from autoflow.llm import Capabilities, Grammar, Message, Role
from autoflow.testing import ScriptedModel
from autoflow.v1 import generator_service_pb2 as pb
from tests.generator.conftest import Generating
from tests.generator.refining import WORKFLOW, attempt, refined, refinement

CHANGED = WORKFLOW.replace("Name the input", "Look at the input")
ELSEWHERE = WORKFLOW.replace("Give", "Write")
LONGER = WORKFLOW.replace("next::Step 2", "next::Step 3") + "Step 3:::process:::Check:::next::Step 2\n"
ONE_STEP = pb.Change(step="step  1")


async def test_a_model_is_told_which_step_and_what_keeps_to_it_is_valid(generating: Generating) -> None:
    model = ScriptedModel(lambda messages: CHANGED)
    async with generating(model) as client:
        _, (candidate,) = await refined(client, refinement(attempt(WORKFLOW), change=ONE_STEP))

    turns = prompts.revision(WORKFLOW, prompts.score_verdict(0.5))
    assert list(model.calls[0].messages[-2:]) == prompts.step_to_change(turns, "step  1")
    assert candidate.valid
    assert candidate.workflow.source == CHANGED


@pytest.mark.parametrize(("text", "told"), [(ELSEWHERE, "'Step 2'"), (LONGER, "'Step 3'")])
async def test_what_changes_besides_is_shown_to_the_model(
    generating: Generating, text: str, told: str
) -> None:
    def script(messages: Sequence[Message]) -> str:
        written = sum(message.role is Role.ASSISTANT for message in messages)
        return text if written == 1 else CHANGED

    model = ScriptedModel(script)
    async with generating(model) as client:
        _, (candidate,) = await refined(client, refinement(attempt(WORKFLOW), change=ONE_STEP))

    assert candidate.valid
    (draft,) = candidate.drafts
    (found,) = draft.diagnostics
    assert found.code == "out-of-scope"
    assert told in found.message
    assert found.message in model.calls[1].messages[-1].content


@pytest.mark.parametrize("mending", [pb.MENDING_NONE, pb.MENDING_REPAIR])
async def test_without_a_correction_what_changes_besides_is_not_valid(
    generating: Generating, mending: pb.Mending.ValueType
) -> None:
    request = refinement(attempt(WORKFLOW), change=ONE_STEP, mending=mending)
    async with generating(ScriptedModel(lambda messages: ELSEWHERE)) as client:
        _, (candidate,) = await refined(client, request)

    assert not candidate.valid
    assert check(candidate.workflow.source).ok
    assert [found.code for found in candidate.diagnostics] == ["out-of-scope"]


async def test_another_order_of_the_same_steps_is_out_of_scope(generating: Generating) -> None:
    base = LONGER
    first, second, third = base.splitlines(keepends=True)
    async with generating(ScriptedModel(lambda messages: first + third + second)) as client:
        _, (candidate,) = await refined(
            client, refinement(attempt(base), change=ONE_STEP, mending=pb.MENDING_NONE)
        )
    assert [found.code for found in candidate.diagnostics] == ["out-of-scope"]


async def test_under_a_grammar_nothing_else_can_be_drawn(generating: Generating) -> None:
    model = ScriptedModel(lambda messages: CHANGED, capabilities=Capabilities(grammar=True))
    request = refinement(attempt(WORKFLOW), change=ONE_STEP, step_naming=pb.STEP_NAMING_FREE)
    async with generating(model) as client:
        started, (candidate,) = await refined(client, request)

    workflow = check(WORKFLOW).workflow
    assert workflow is not None
    (call,) = model.calls
    assert call.constraint == Grammar(*step_grammar(workflow, "Step 1"))
    assert started.grammar == step_grammar(workflow, "Step 1").ebnf
    assert candidate.valid


@pytest.mark.parametrize(
    ("source", "step", "told"),
    [
        (WORKFLOW, "Step 3", "its first are: Step 1, Step 2"),
        ("nonsense", "Step 1", "has errors"),
        (WORKFLOW.replace("next::Step 2", "next::Step 7"), "Step 1", "has errors"),
    ],
)
async def test_a_step_that_cannot_be_what_changes_is_refused(
    generating: Generating, source: str, step: str, told: str
) -> None:
    model = ScriptedModel(lambda messages: WORKFLOW)
    async with generating(model) as client:
        with pytest.raises(errors.InvalidArgument, match=told) as refused:
            await refined(client, refinement(attempt(source), change=pb.Change(step=step)))

    assert [violation.field for violation in refused.value.details.violations] == ["change.step"]
    assert model.calls == []
