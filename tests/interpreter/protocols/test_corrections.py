"""How often a model is told what is wrong, when it never gets it right."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

import pytest

from autoflow.llm import Capabilities, Message
from autoflow.testing import ScriptedModel
from autoflow.testing.scripted_replies import Question, Reply, ScriptedReplies
from autoflow.testing.scripted_workflow import ScriptedWorkflow, Shape
from autoflow.testing.simple_tools import SIMPLE_TOOLS, SimpleTool
from autoflow_interpreter.events import (
    MemoryStrategy,
    ModelCalled,
    Outcome,
    Protocol,
    ReplyRefused,
    ToolReturned,
)
from autoflow_interpreter.protocols.base import CORRECTIONS
from tests.interpreter.protocols.executing import CountedTools, Executed, execute

SCRIPT = ScriptedWorkflow.drawn(11, Shape(max_steps=6, tools=("add", "book"), tool_share=1.0))
CALLS = sum(bool(move.tool) for move in SCRIPT.path)


async def executed_by(
    protocol: Protocol, spoil: Callable[[Reply], str], tools: Mapping[str, SimpleTool] = SIMPLE_TOOLS
) -> Executed:
    """Executes with a model that spoils its replies, each time that it is asked."""
    replies = ScriptedReplies([SCRIPT])

    def choose(messages: Sequence[Message], options: Sequence[str]) -> int:
        choice = replies.reply(messages).choice
        assert choice is not None
        return choice

    model = ScriptedModel(
        lambda messages: spoil(replies.reply(messages)),
        choose=choose,
        capabilities=Capabilities(json_schema=True),
    )
    return await execute(SCRIPT, model, protocol, MemoryStrategy.APPEND, tools=tools)


def with_wrong_arguments(reply: Reply) -> str:
    if reply.question is Question.ARGUMENTS:
        return '{"a": 1}'
    if reply.question is Question.STEP and '"tool"' in reply.text:
        return json.dumps({**json.loads(reply.text), "arguments": '{"a": 1}'})
    return reply.text


@pytest.mark.parametrize("protocol", Protocol)
async def test_arguments_that_stay_wrong_are_an_observation(protocol: Protocol) -> None:
    tools = CountedTools()
    executed = await executed_by(protocol, with_wrong_arguments, tools)

    assert executed.finished.outcome is Outcome.ANSWERED
    assert executed.way == [(move.step, move.label) for move in SCRIPT.path]
    returned = executed.of(ToolReturned)
    assert len(returned) == executed.finished.counts.failed_tool_calls == CALLS
    assert all(event.failed and "the arguments are wrong" in event.text for event in returned)
    assert tools.calls == []
    refused = executed.of(ReplyRefused)
    assert len(refused) == executed.finished.counts.refused_replies == CALLS * (1 + CORRECTIONS)


async def test_a_step_that_stays_unreadable_ends_the_execution() -> None:
    executed = await executed_by(Protocol.FUSED, lambda reply: "What step?")

    assert executed.finished.outcome is Outcome.UNREADABLE
    assert SCRIPT.path[0].step in executed.finished.detail
    assert len(executed.of(ModelCalled)) == len(executed.of(ReplyRefused)) == 1 + CORRECTIONS
    assert executed.finished.steps == 0
