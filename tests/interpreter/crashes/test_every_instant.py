"""An execution whose server is lost between any two of its events goes on as if it had not been.

In this process: what was stored is what there was of the events. The calls that were under way are those that
no stored event tells the end of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest

from autoflow.language import StepType
from autoflow.testing import ScriptedEmbedder
from autoflow.testing.scripted_workflow import ScriptedWorkflow, Shape
from autoflow.testing.simple_tools import SIMPLE_TOOLS
from autoflow_interpreter.events import (
    Event,
    MemoryRecalled,
    MemoryStrategy,
    ModelCalled,
    Protocol,
    ReplyRefused,
    Resumed,
    StepAnswered,
    ToolCalled,
    ToolReturned,
)
from tests.interpreter.protocols.executing import CountedTools, Executed, execute, model_of, vector

SHAPE = Shape(max_steps=6, tools=("add", "book"), tool_share=0.8, fault_share=0.4)
SEEDS = (10, 11)
MEMORIES = (MemoryStrategy.APPEND, MemoryStrategy.TRAVERSE, MemoryStrategy.DIRECT)
"""Those that keep all they have paid for; embeddings have a test of their own."""


def instants(script: ScriptedWorkflow, protocol: Protocol, whole: Executed) -> list[int]:
    """How many events may be stored when the server is lost.

    What `fused` tells of a decision comes at one instant, its answer and its branch, and is stored at once.
    """

    def splits(event: Event) -> bool:
        return (
            protocol is Protocol.FUSED
            and isinstance(event, StepAnswered)
            and script.workflow.step(event.step).type is StepType.DECISION
        )

    return [count for count, event in enumerate(whole.events, start=1) if not splits(event)]


def under_way(stored: Sequence[Event]) -> ToolCalled | None:
    """The call of a tool of which nobody knows what came."""
    last = next((event for event in reversed(stored) if isinstance(event, ToolCalled | ToolReturned)), None)
    return last if isinstance(last, ToolCalled) else None


@pytest.mark.parametrize("memory", MEMORIES)
@pytest.mark.parametrize("protocol", Protocol)
async def test_what_was_stored_is_not_done_again(protocol: Protocol, memory: MemoryStrategy) -> None:
    seen: Counter[str] = Counter()
    for seed in SEEDS:
        script = ScriptedWorkflow.drawn(seed, SHAPE)
        whole = await execute(script, model_of(script), protocol, memory)
        for count in instants(script, protocol, whole):
            stored = whole.events[:count]
            model, tools = model_of(script), CountedTools()

            executed = await execute(script, model, protocol, memory, before=stored, tools=tools)

            assert executed.way == whole.way
            assert executed.answers == whole.answers
            known = sum(isinstance(event, ModelCalled) for event in stored)
            assert len(model.calls) == len(whole.of(ModelCalled)) - known
            assert executed.finished.usage.calls == whole.finished.usage.calls
            assert executed.of(ReplyRefused) == whole.of(ReplyRefused)
            lost = under_way(stored)
            seen[lost.tool if lost else "none"] += 1
            _tools_are_called_once(executed, whole, stored, lost, tools.calls)
    assert seen.keys() == {"add", "book", "none"}


def embeddings(events: Sequence[Event]) -> int:
    """The calls for embeddings, whose reply is not kept."""
    return sum(isinstance(event, ModelCalled) and not event.reply for event in events)


@pytest.mark.parametrize("protocol", Protocol)
async def test_the_next_server_asks_for_the_embedding_of_a_text_once(protocol: Protocol) -> None:
    memory, again = MemoryStrategy.EMBEDDING, Counter[int]()
    for seed in SEEDS:
        script = ScriptedWorkflow.drawn(seed, SHAPE)
        whole = await execute(script, model_of(script), protocol, memory)
        chats = len(whole.of(ModelCalled)) - embeddings(whole.events)
        for count in instants(script, protocol, whole):
            stored = whole.events[:count]
            model, embedder = model_of(script), ScriptedEmbedder(vector)

            executed = await execute(
                script, model, protocol, memory, before=[*stored, Resumed(1)], embedder=embedder
            )

            assert (executed.way, executed.answers) == (whole.way, whole.answers)
            assert executed.of(MemoryRecalled) == whole.of(MemoryRecalled)
            known = sum(isinstance(event, ModelCalled) for event in stored) - embeddings(stored)
            assert len(model.calls) == chats - known
            texts = [text for call in embedder.calls for text in call]
            assert len(texts) == len(set(texts))
            more = embeddings(executed.events) - embeddings(whole.events)
            again[more] += 1
            assert executed.finished.usage.calls == whole.finished.usage.calls + more
            # Of those only the first may have been under way.
            assert executed.finished.counts.repeated_model_calls <= 1
    assert min(again) == 0 < max(again)


def _tools_are_called_once(
    executed: Executed,
    whole: Executed,
    stored: Sequence[Event],
    lost: ToolCalled | None,
    made: Sequence[str],
) -> None:
    """All calls are made that were not, the one that was under way only where that does no harm."""
    wanted = whole.of(ToolCalled)
    begun = [event for event in stored if isinstance(event, ToolCalled)]
    repeated = lost is not None and SIMPLE_TOOLS[lost.tool].tool.idempotent
    again = [replace(lost, attempt=2)] if lost is not None and repeated else []
    assert executed.of(ToolCalled) == [*begun, *again, *wanted[len(begun) :]]
    assert made == [event.tool for event in [*again, *wanted[len(begun) :]]]

    counts = executed.finished.counts
    assert counts.tool_calls == len(wanted)
    assert counts.repeated_tool_calls == len(again)
    failed = [event for event in executed.of(ToolReturned) if event.failed]
    assert [event.call_id for event in failed] == ([lost.call_id] if lost and not repeated else [])
    assert counts.failed_tool_calls == len(failed)
