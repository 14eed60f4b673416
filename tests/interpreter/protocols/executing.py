"""Executes scripted workflows in this process, with the tools in it too, and tells what happened."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from autoflow.admission import Admission
from autoflow.llm import Capabilities, Message, Sampling, Vector
from autoflow.testing import ScriptedEmbedder, ScriptedModel, catalogue_of
from autoflow.testing.scripted_replies import ScriptedReplies
from autoflow.testing.scripted_workflow import Move, ScriptedWorkflow
from autoflow.testing.simple_tools import SIMPLE_TOOLS, SimpleTool
from autoflow.tools.built_in.source import BuiltIn
from autoflow.tools.registry import Registry
from autoflow_interpreter.events import (
    BranchTaken,
    Event,
    Finished,
    MemoryStrategy,
    Protocol,
    Recorded,
    StepAnswered,
    StepStarted,
    ToolCalled,
    ToolReturned,
)
from autoflow_interpreter.execution import ExecutionRequest
from autoflow_interpreter.interpreter import Interpreter
from autoflow_interpreter.limits import Limits
from autoflow_interpreter.memory import MemorySettings
from autoflow_interpreter.past import past_of
from autoflow_interpreter.plan_execution import PlanExecutor
from autoflow_interpreter.remote_tools import RemoteTools

_E = TypeVar("_E", bound=Event)
_STEPS = 12


class Recorder:
    """Keeps events in memory.

    Args:
        before: those that there are already.

    Attributes:
        events: all, in their order.
    """

    def __init__(self, before: Sequence[Event]) -> None:
        self.events = list(before)

    def record(self, event: Event) -> None:
        self.events.append(event)

    async def settle(self) -> None:
        """Memory is there at once."""


@dataclass(frozen=True)
class Executed:
    """What happened in an execution."""

    finished: Finished
    events: Sequence[Event]

    def of(self, kind: type[_E]) -> list[_E]:
        """The events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def way(self) -> list[tuple[str, str]]:
        """The steps, each with the label of its way out; the last has none."""
        taken = [(event.step, event.label) for event in self.of(BranchTaken)]
        return [*taken, (self.of(StepStarted)[-1].step, "")]

    @property
    def answers(self) -> list[str]:
        return [event.answer for event in self.of(StepAnswered)]

    @property
    def tool_calls(self) -> list[tuple[str, str, Any, str]]:
        """Step, tool, arguments, and what came of it."""
        brought = {event.call_id: event.text for event in self.of(ToolReturned)}
        return [
            (event.step, event.tool, json.loads(event.arguments), brought[event.call_id])
            for event in self.of(ToolCalled)
        ]


class CountedTools(dict[str, SimpleTool]):
    """The simple tools.

    Attributes:
        calls: the name of every one that was called, in their order.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        super().__init__(
            {name: replace(tool, work=self._counted(tool)) for name, tool in SIMPLE_TOOLS.items()}
        )

    def _counted(self, tool: SimpleTool) -> Callable[..., str]:
        def work(**arguments: object) -> str:
            self.calls.append(tool.tool.name)
            return tool(**arguments)

        return work


def expected_calls(path: Sequence[Move]) -> list[tuple[str, str, Any, str]]:
    """The calls of tools that a script wants, as `Executed.tool_calls` tells them."""
    called = [(move, json.loads(move.arguments)) for move in path if move.tool]
    return [
        (move.step, move.tool, arguments, SIMPLE_TOOLS[move.tool](**arguments)) for move, arguments in called
    ]


def model_of(script: ScriptedWorkflow, *, chooses: bool = True, name: str = "scripted") -> ScriptedModel:
    """A model that carries one workflow out.

    Args:
        script: what it does.
        chooses: whether it can choose; else it is asked in words.
        name: in the catalogue.
    """
    replies = ScriptedReplies([script])

    def choose(messages: Sequence[Message], options: Sequence[str]) -> int:
        choice = replies.reply(messages).choice
        assert choice is not None
        return choice

    return ScriptedModel(
        lambda messages: replies.reply(messages).text,
        choose=choose if chooses else None,
        name=name,
        capabilities=Capabilities(json_schema=True),
    )


def vector(text: str) -> Vector:
    """Texts about the same step are near, all others are far."""
    found = re.search(r"\b[a-z]+\d+-(\d+)\b", text)
    near = random.Random(text).random() / 10
    return [float(found is not None and int(found[1]) == step) for step in range(1, _STEPS + 1)] + [near]


async def execute(
    script: ScriptedWorkflow,
    model: ScriptedModel,
    protocol: Protocol,
    memory: MemoryStrategy,
    *,
    before: Sequence[Event] = (),
    tools: Mapping[str, SimpleTool] = SIMPLE_TOOLS,
    embedder: ScriptedEmbedder | None = None,
) -> Executed:
    """Executes a workflow.

    Args:
        script: whose workflow; its steps may call its tools.
        model: what carries it out.
        protocol: how it is asked.
        memory: what it sees.
        before: what was stored of the execution before its server was lost.
        tools: by their names.
        embedder: makes embeddings; by default one of its own, by `vector`.
    """
    interpreter = Interpreter(
        catalogue_of(model, embedder=embedder or ScriptedEmbedder(vector)),
        PlanExecutor(RemoteTools([])),
        Registry([BuiltIn("simple", [tools[name] for name in script.shape.tools])]),
        plan_executions=Admission(1, "plans"),
        now=lambda: datetime.now(UTC),
        memory=MemorySettings(top=64),
    )
    request = ExecutionRequest(
        source=script.workflow.text,
        query="Carry it out",
        tools=(),
        model=model.name,
        adapter=None,
        sampling=Sampling(),
        memory=memory,
        limits=Limits(max_steps=1000, max_calls=100_000, max_tokens=10**9),
        protocol=protocol,
        step_tools=tuple(script.shape.tools),
    )
    past = past_of([Recorded(number, 0, event) for number, event in enumerate(before)])
    recorder = Recorder(before)
    finished = await interpreter.run(await interpreter.prepare(request, past), "one", past, recorder)
    assert isinstance(finished, Finished)
    return Executed(finished, recorder.events)
