"""An execution whose server is lost between any two of its events goes on as if it had not been."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from autoflow.testing.scripted_workflow import ScriptedWorkflow, Shape
from autoflow.testing.simple_tools import SIMPLE_TOOLS, SimpleTool
from autoflow_interpreter.events import (
    Event,
    MemoryStrategy,
    ModelCalled,
    Protocol,
    ToolCalled,
    ToolReturned,
)
from tests.interpreter.protocols.executing import execute, model_of

SHAPE = Shape(max_steps=6, tools=("add", "book"), tool_share=0.7, fault_share=0.3)
SEEDS = (2, 7, 11)
ONE_BY_ONE = [
    (protocol, memory)
    for protocol in Protocol
    for memory in (MemoryStrategy.APPEND, MemoryStrategy.TRAVERSE, MemoryStrategy.DIRECT)
]


class CountedTools(dict[str, SimpleTool]):
    """The simple tools, and how often each was called."""

    def __init__(self) -> None:
        super().__init__({name: replace(tool, work=self._counted(tool)) for name, tool in SIMPLE_TOOLS.items()})
        self.calls: Counter[str] = Counter()

    def _counted(self, tool: SimpleTool) -> Callable[..., str]:
        def work(**arguments: object) -> str:
            self.calls[tool.tool.name] += 1
            return tool.work(**arguments)

        return work


def under_way(stored: list[Event]) -> ToolCalled | None:
    """The call of a tool of which nobody knows what came."""
    for event in reversed(stored):
        if isinstance(event, ToolReturned):
            return None
        if isinstance(event, ToolCalled):
            return event
    return None


@pytest.mark.parametrize(("protocol", "memory"), ONE_BY_ONE)
async def test_what_was_stored_is_not_done_again(protocol: Protocol, memory: MemoryStrategy) -> None:
    seen: Counter[str] = Counter()
    for seed in SEEDS:
        script = ScriptedWorkflow.drawn(seed, SHAPE)
        whole = await execute(script, model_of(script), protocol, memory)
        for count in range(1, len(whole.events) + 1):
            stored = list(whole.events[:count])
            model, tools = model_of(script), CountedTools()

            executed = await execute(script, model, protocol, memory, before=stored, tools=tools)

            known = sum(isinstance(event, ModelCalled) for event in stored)
            assert len(model.calls) == len(whole.of(ModelCalled)) - known
            lost = under_way(stored)
            ...
