"""Kills an interpreter again and again while it executes, and has it come back."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from autoflow.client import Client
from autoflow.client.errors import Unavailable
from autoflow.testing.scripted_workflow import ScriptedWorkflow, Shape
from autoflow.v1 import interpreter_service_pb2 as pb
from tests.interpreter.world import Pace, World, request_for, world

LEASE_SECONDS = 1.0
SHAPE = Shape(tools=("add", "weather", "book"), tool_share=0.6, fault_share=0.1)
WAYS = (
    (pb.EXECUTION_PROTOCOL_FUSED, pb.MEMORY_STRATEGY_APPEND),
    (pb.EXECUTION_PROTOCOL_STEPWISE, pb.MEMORY_STRATEGY_TRAVERSE),
    (pb.EXECUTION_PROTOCOL_FUSED, pb.MEMORY_STRATEGY_DIRECT),
    (pb.EXECUTION_PROTOCOL_STEPWISE, pb.MEMORY_STRATEGY_APPEND),
)
_END_SECONDS = 1200.0
_PAUSE = 0.2


@dataclass(frozen=True, slots=True)
class Survivor:
    """An execution that came to its end."""

    script: ScriptedWorkflow
    streamed: Sequence[pb.ExecutionEvent]
    """As its caller saw it."""
    stored: Sequence[pb.ExecutionEvent]
    """As it is kept."""


def scripts(number: int, seed: int = 0) -> list[ScriptedWorkflow]:
    """So many workflows that take a while."""
    drawn = (ScriptedWorkflow.drawn(seed + place, SHAPE, task="crash") for place in range(100 * number))
    return [script for script in drawn if 4 <= len(script.path) <= 16][:number]


@asynccontextmanager
async def mortal(scripts: Sequence[ScriptedWorkflow], folder: Path) -> AsyncIterator[World]:
    """An interpreter that can be killed: it goes on soon with what it has lost."""
    async with world(
        scripts,
        folder,
        Pace(answer=0.06, tool=0.06),
        interpreter_lease_seconds=LEASE_SECONDS,
        interpreter_poll_seconds=0.1,
    ) as made:
        yield made


async def survive(
    surroundings: World,
    scripts: Sequence[ScriptedWorkflow],
    rng: random.Random,
    *,
    at_once: int,
    most_kills: int,
    lives: tuple[float, float],
) -> list[Survivor]:
    """Executes all while the interpreter is killed.

    Args:
        surroundings: made by `mortal`.
        scripts: what is executed.
        rng: draws how long the interpreter lives.
        at_once: how many executions are under way.
        most_kills: after so many it lives on.
        lives: the shortest and the longest time that it lives once it has asked the model, in seconds.
    """
    waiting = list(enumerate(scripts))[::-1]
    survivors: list[Survivor] = []

    async def work(client: Client) -> None:
        while waiting:
            place, script = waiting.pop()
            protocol, memory = WAYS[place % len(WAYS)]
            request = request_for(
                script,
                protocol,
                memory=memory,
                request_id=str(uuid.uuid4()),
                on_disconnect=pb.DISCONNECT_POLICY_CONTINUE,
            )
            survivors.append(await _followed(client, script, request))

    async def kill() -> None:
        for _ in range(most_kills):
            await surroundings.chat.next_question()
            await asyncio.sleep(rng.uniform(*lives))
            await surroundings.kill()
            await surroundings.start()

    async with asyncio.timeout(_END_SECONDS), surroundings.client() as client:
        killing = asyncio.create_task(kill())
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(at_once):
                    group.create_task(work(client))
        finally:
            killing.cancel()
            await asyncio.gather(killing, return_exceptions=True)
    return survivors


async def _followed(client: Client, script: ScriptedWorkflow, request: pb.ExecuteWorkflowRequest) -> Survivor:
    while True:
        try:
            async with aclosing(client.interpreter.execute_workflow(request)) as stream:
                streamed = [event async for event in stream]
            watch = pb.WatchExecutionRequest(name=streamed[0].started.execution)
            async with aclosing(client.interpreter.watch_execution(watch)) as stream:
                return Survivor(script, streamed, [event async for event in stream])
        except Unavailable:
            # It was just killed, and nobody knows the execution yet; the same request finds it, if it began.
            await asyncio.sleep(_PAUSE)
