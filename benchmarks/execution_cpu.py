"""What the interpreter itself computes for a step: `python -m benchmarks.execution_cpu`.

An interpreter in a process of its own has 200 executions under way all the time, whose model is a scripted
endpoint in this process, as are the tools and the client. Its CPU time, user and system of all its threads,
over the steps that were finished meanwhile is what is measured; the client of the endpoint, the database and
the stream of events to the caller are in it. Prints measurements (`benchmarks.report`), and in their
conditions the steps a second: with one core for all of that, endpoint and client are what limits them.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
from pathlib import Path
from time import perf_counter

from autoflow.client import Client
from autoflow.testing.scripted_workflow import ScriptedWorkflow, Shape
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


async def _keep_busy(client: Client, scripts: list[ScriptedWorkflow], way: Way, under_way: int) -> int:
    """Executes all, so many at a time; the number of their steps."""
    waiting = list(scripts)
    steps = 0

    async def caller() -> None:
        nonlocal steps
        while waiting:
            script = waiting.pop()
            await execute(client, script, way)
            steps += len(script.path)

    async with asyncio.TaskGroup() as group:
        for _ in range(under_way):
            group.create_task(caller())
    return steps


async def measure(
    surroundings: World,
    client: Client,
    scripts: list[ScriptedWorkflow],
    name: str,
    under_way: int,
    rounds: int,
) -> Measurement:
    """Measures one way, after a round that is not measured."""
    way = _WAYS[name][1]
    await _keep_busy(client, scripts[:under_way], way, under_way)
    surroundings.forget()
    before, started = surroundings.process.usage, perf_counter()
    steps = await _keep_busy(client, scripts * rounds, way, under_way)
    seconds, after = perf_counter() - started, surroundings.process.usage
    return Measurement(
        f"interpreter.cpu_{name}",
        "CPU ms a step",
        baseline=None,
        ours=1000 * (after.cpu_seconds - before.cpu_seconds) / steps,
        ratio=None,
        better="lower",
        conditions=f"{under_way} executions under way, {len(scripts) * rounds} in all, {steps} steps, "
        f"{len(surroundings.asked) / steps:.2f} calls of the model a step, {steps / seconds:.0f} steps/s, "
        f"{after.rss_mib:.0f} MiB; load {os.getloadavg()[0]:.1f} of {os.cpu_count()} cores",
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
                told = await measure(surroundings, client, scripts[kind], name, under_way, rounds)
                told.tell()


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("ways", nargs="*", metavar="way", help=f"of {', '.join(_WAYS)}; all by default")
    parser.add_argument("--executions", type=int, default=400, help="different ones")
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
