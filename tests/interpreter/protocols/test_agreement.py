"""Both protocols come to the same end, by the same way and with the same calls of tools."""

from __future__ import annotations

from collections import Counter

import pytest

from autoflow.testing.scripted_replies import Question, ScriptedReplies
from autoflow.testing.scripted_workflow import ScriptedWorkflow, Shape
from autoflow_interpreter.events import MemoryStrategy, ModelCalled, Outcome, Protocol, Purpose, ReplyRefused
from tests.interpreter.protocols.executing import Executed, execute, expected_calls, model_of

SHAPE = Shape(tools=("add", "book", "weather"), fault_share=0.3)
EACH = 50
"""Workflows for each memory strategy."""
REFUSABLE = {Protocol.FUSED: Question.STEP, Protocol.STEPWISE: Question.ARGUMENTS}


def is_the_script(executed: Executed, script: ScriptedWorkflow) -> None:
    path = script.path
    assert executed.finished.outcome is Outcome.ANSWERED
    assert executed.way == [(move.step, move.label) for move in path]
    assert executed.answers == [move.answer for move in path]
    assert executed.finished.answer == path[-1].answer
    assert executed.tool_calls == expected_calls(path)
    assert executed.finished.steps == len(path)


@pytest.mark.parametrize(("part", "memory"), list(enumerate(MemoryStrategy)))
async def test_random_workflows_go_the_same_way(part: int, memory: MemoryStrategy) -> None:
    seen: Counter[str] = Counter()
    for seed in range(EACH * part, EACH * (part + 1)):
        script = ScriptedWorkflow.drawn(seed, SHAPE)
        model = model_of(script, chooses=seed % 3 > 0)
        for protocol in Protocol:
            executed = await execute(script, model, protocol, memory)

            is_the_script(executed, script)
            refused = ScriptedReplies([script]).wrong_replies(script.about, REFUSABLE[protocol])
            assert executed.finished.counts.refused_replies == refused == len(executed.of(ReplyRefused))
            asked = Counter(call.purpose for call in executed.of(ModelCalled))
            if protocol is Protocol.FUSED:
                assert asked.pop(Purpose.STEP) == len(script.path) + refused
                assert not asked.keys() - {Purpose.RECALL}
            seen.update(asked)
            seen["refused"] += refused
            seen["loops"] += any(move.time > 1 for move in script.path)
    # Else the workflows would show little.
    assert min(seen[what] for what in (*Purpose, "refused", "loops") if what in seen) > EACH / 10
    assert {*Purpose} - seen.keys() <= {Purpose.STEP, Purpose.RECALL}
