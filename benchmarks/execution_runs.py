"""Executions of scripted workflows, for benchmarks: how long they took, and what was asked meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from itertools import count, islice, pairwise

from autoflow.client import Client
from autoflow.testing.scripted_chat import Asked
from autoflow.testing.scripted_replies import Question
from autoflow.testing.scripted_workflow import ScriptedWorkflow, Shape
from autoflow.v1 import interpreter_service_pb2 as pb
from benchmarks.processes import waited
from tests.interpreter.world import SCHEMAS, ToolAsked, World, request_for

FUSED, STEPWISE = pb.EXECUTION_PROTOCOL_FUSED, pb.EXECUTION_PROTOCOL_STEPWISE
APPEND, TRAVERSE = pb.MEMORY_STRATEGY_APPEND, pb.MEMORY_STRATEGY_TRAVERSE


@dataclass(frozen=True, slots=True)
class Way:
    """How workflows are executed."""

    protocol: pb.ExecutionProtocol.ValueType = FUSED
    memory: pb.MemoryStrategy.ValueType = APPEND
    model: str = SCHEMAS


@dataclass(frozen=True, slots=True)
class Ran:
    """One execution."""

    wall: float
    """Seconds from the request to the last event."""
    waited: float
    """Seconds in which the interpreter could have gone on, and had no core."""
    asked: Sequence[Asked]
    tools: Sequence[ToolAsked]
    events: Sequence[pb.ExecutionEvent]

    @property
    def finished(self) -> pb.ExecutionFinished:
        """How it ended."""
        return self.events[-1].finished

    @property
    def latency(self) -> float:
        """Seconds that endpoint and tools took, one after the other."""
        return sum(each.seconds for each in self.asked) + _taken(self.tools)

    @property
    def critical_path(self) -> float:
        """Seconds that a stepwise execution takes if everything is asked as soon as it can be."""
        begun = [event.time.ToNanoseconds() / 1e9 for event in self.events if event.HasField("step_started")]
        return sum(
            _chain(
                [each for each in self.asked if start <= each.began < end],
                [each for each in self.tools if start <= each.began < end],
            )
            for start, end in pairwise([*begun, float("inf")])
        )


def _taken(tools: Sequence[ToolAsked]) -> float:
    return sum(each.ended - each.began for each in tools)


def _chain(asked: Sequence[Asked], tools: Sequence[ToolAsked]) -> float:
    """The longest chain of one step: its tool can be chosen while it is recalled and answered."""

    def took(*questions: Question) -> list[float]:
        return [each.seconds for each in asked if each.reply.question in questions]

    recalled = max(took(Question.RELEVANCE), default=0.0) + sum(took(Question.SELECTION))
    answered = recalled + sum(took(Question.ANSWER))
    chosen = sum(took(Question.TOOL_NEEDED, Question.TOOL_CHOICE))
    after = sum(took(Question.ARGUMENTS, Question.SUMMARY, Question.BRANCH))
    return max(answered, chosen) + _taken(tools) + after


def drawn(task: str, shape: Shape, number: int, steps: Callable[[int], bool]) -> list[ScriptedWorkflow]:
    """So many workflows, always the same.

    Args:
        task: letters that no other workflows of one endpoint have.
        shape: of their executions.
        number: how many.
        steps: whether an execution of so many steps is wanted.
    """
    candidates = (ScriptedWorkflow.drawn(seed, shape, task=task) for seed in count())
    return list(islice((each for each in candidates if steps(len(each.path))), number))


async def run(surroundings: World, client: Client, script: ScriptedWorkflow, way: Way) -> Ran:
    """Executes a workflow, and nothing beside it.

    Raises:
        RuntimeError: it did not go as the script says.
    """
    surroundings.forget()
    before, started = waited(surroundings.process.pid), time.perf_counter()
    events = await execute(client, script, way)
    wall = time.perf_counter() - started
    without_core = waited(surroundings.process.pid) - before
    return Ran(wall, without_core, tuple(surroundings.asked), tuple(surroundings.tools.asked), events)


async def execute(
    client: Client,
    script: ScriptedWorkflow,
    way: Way,
    seen: Callable[[pb.ExecutionEvent], object] = lambda _: None,
) -> list[pb.ExecutionEvent]:
    """Executes a workflow.

    Args:
        client: of the interpreter.
        script: which.
        way: how.
        seen: is told of each event when it comes.

    Returns:
        Its events.

    Raises:
        RuntimeError: it did not go as the script says.
    """
    request = request_for(script, way.protocol, memory=way.memory, model=way.model)
    events: list[pb.ExecutionEvent] = []
    async with aclosing(client.interpreter.execute_workflow(request)) as stream:
        async for event in stream:
            seen(event)
            events.append(event)
    taken = [event.branch_taken.label for event in events if event.HasField("branch_taken")]
    if [*taken, ""] != [move.label for move in script.path]:
        raise RuntimeError(f"{script.about} went another way: {events[-1]}")
    return events
