"""What the interpreter itself computes for a step: `python -m benchmarks.execution_cpu`.

An interpreter in a process of its own has 200 executions under way all the time, whose model is a scripted
endpoint in this process, as are the tools and the client. Its CPU time, user and system of all its threads,
over the steps that were answered meanwhile is what is measured; the client of the endpoint, the database and
the stream of events to the caller are in it. Left out are the first 200 executions, which load libraries and
open connections, and the last 200, when fewer and fewer are under way. Prints measurements
(`benchmarks.report`), and in their conditions the steps a second: with one core for all of that, endpoint and
client are what limits them.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from time import perf_counter

from autoflow.client import Client
from autoflow.testing.scripted_workflow import ScriptedWorkflow, Shape
from autoflow.v1 import interpreter_service_pb2 as pb
from benchmarks.execution_runs import APPEND, FUSED, STEPWISE, TRAVERSE, Way, drawn, execute
from benchmarks.report import Measurement
from tests.interpreter.world import Pace, World, world

_SHAPES = {"plain": Shape(), "tools": Shape(tools=("add", "weather"), tool_share=1.0)}
_WAYS = {
    "fused": ("plain", Way(FUSED)),
    "fused_tools": ("tools", Way(FUSED)),
    "stepwise": ("plain", Way(STEPWISE, APPEND)),
    "stepwise_tools_traverse": ("tools", Way(STEPWISE, TRAVERSE)),
}


@dataclass(frozen=True, slots=True)
class _Moment:
    """What was counted until then."""

    cpu: float
    """Seconds of the interpreter's process."""
    wall: float
    steps: int
    calls: int
    """Of the model."""


class _Load:
    """Keeps so many executions under way.

    Args:
        surroundings: of the interpreter.
        client: of the interpreter.
        way: how workflows are executed.
    """

    def __init__(self, surroundings: World, client: Client, way: Way) -> None:
        self._surroundings = surroundings
        self._client = client
        self._way = way
        self._steps = 0
        self._ended = 0

    async def run(
        self, scripts: Iterable[ScriptedWorkflow], warm_up: int, under_way: int
    ) -> tuple[_Moment, _Moment]:
        """Executes all.

        Args:
            scripts: what is executed; more than the other two numbers together.
            warm_up: executions whose end is waited for before anything is measured.
            under_way: executions at once.

        Returns:
            When so many had ended, and when nothing was left to begin: between the two, all were under way.
        """
        left = deque(scripts)
        moments: list[_Moment] = []

        async def caller() -> None:
            while left:
                await execute(self._client, left.popleft(), self._way, self._see)
                self._ended += 1
                warm, over = self._ended == warm_up, not left and len(moments) == 1
                if warm or over:
                    moments.append(self._now())

        async with asyncio.TaskGroup() as group:
            for _ in range(under_way):
                group.create_task(caller())
        return moments[0], moments[1]

    def _see(self, event: pb.ExecutionEvent) -> None:
        self._steps += event.HasField("step_answered")

    def _now(self) -> _Moment:
        used = self._surroundings.process.usage
        return _Moment(used.cpu_seconds, perf_counter(), self._steps, len(self._surroundings.asked))


async def measure(
    surroundings: World, client: Client, scripts: Sequence[ScriptedWorkflow], name: str, under_way: int
) -> Measurement:
    """Measures one way, after as many executions as are under way, which are not measured."""
    surroundings.forget()
    load = _Load(surroundings, client, _WAYS[name][1])
    every = islice(cycle(scripts), under_way + len(scripts))
    before, after = await load.run(every, under_way, under_way)
    steps = after.steps - before.steps
    return Measurement(
        f"interpreter.cpu_{name}",
        "CPU ms a step",
        baseline=None,
        ours=1000 * (after.cpu - before.cpu) / steps,
        ratio=None,
        better="lower",
        conditions=f"{under_way} executions under way all the time, {under_way + len(scripts)} in all, the "
        f"first {under_way} not measured, {steps} steps, "
        f"{(after.calls - before.calls) / steps:.2f} calls of the model a step, "
        f"{steps / (after.wall - before.wall):.0f} steps/s, {surroundings.process.usage.rss_mib:.0f} MiB; "
        f"load {os.getloadavg()[0]:.1f} of {os.cpu_count()} cores",
    )


async def compare(names: list[str], executions: int, under_way: int, rounds: int, seconds: float) -> None:
    """Measures and prints."""
    scripts = {
        kind: drawn(kind, shape, executions, lambda steps: 6 <= steps <= 16)
        for kind, shape in _SHAPES.items()
    }
    every = [script for each in scripts.values() for script in each]
    with tempfile.TemporaryDirectory() as folder:
        async with (
            world(every, Path(folder), Pace(seconds), interpreter_max_tool_calls=256) as surroundings,
            surroundings.client() as client,
        ):
            for name in names:
                kind, _ = _WAYS[name]
                told = await measure(surroundings, client, scripts[kind] * rounds, name, under_way)
                told.tell()


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("ways", nargs="*", metavar="way", help=f"of {', '.join(_WAYS)}; all by default")
    parser.add_argument("--executions", type=int, default=400, help="different ones, more than are under way")
    parser.add_argument("--under-way", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=0.5, help="that an answer of the model takes")
    given = parser.parse_args()
    if unknown := set(given.ways) - _WAYS.keys():
        parser.error(f"no way to execute is named {', '.join(sorted(unknown))}")
    asyncio.run(
        compare(given.ways or list(_WAYS), given.executions, given.under_way, given.rounds, given.seconds)
    )


if __name__ == "__main__":
    main()
