"""What executing costs beside the model: `python -m benchmarks.execution`.

An interpreter in a process of its own executes workflows drawn at random. Its model is a scripted endpoint
that takes a fixed time for each answer and for each of its tokens; its tools take a fixed time, too. Client,
endpoint and tools live in this process. Prints measurements (`benchmarks.report`):

* `fused_calls`: calls of the model, over the steps and the corrections that were needed.
* `fused_wall`: the wall time of one task, over what endpoint and tools took by their own clocks.
* `stepwise_wall`: the same, over the longest chain of calls that need each other's replies.
* `fused_calls_…`, `fused_time_…`: `fused` against our own `stepwise` that asks one question at a time. That
  has the memory `append`, or `traverse` as in the paper, and no tools, or one in each step but the last.
* `at_once_…`: 20 tasks at once over one.

Each ratio is the median over workflows. Left out: how good answers are, which a script does not tell. Wall
times mean little on a machine with other work, so its load stands in the conditions, and of the worst wall
time for how much of it the interpreter could have gone on and had no core.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from types import MappingProxyType

from autoflow.client import Client
from autoflow.testing.scripted_workflow import ScriptedWorkflow, Shape
from benchmarks.execution_runs import APPEND, FUSED, STEPWISE, TRAVERSE, Ran, Way, drawn, execute, run
from benchmarks.report import Measurement
from tests.interpreter.world import IN_TURN, Pace, World, world

AT_ONCE = 20
TOOLS = ("add", "weather")
_SHAPES = {
    "plain": Shape(),
    "tools": Shape(tools=TOOLS, tool_share=1.0),
    "faulty": Shape(tools=TOOLS, fault_share=0.2),
}


@dataclass(frozen=True, slots=True)
class Options:
    """What is measured on."""

    workflows: int
    """Of each kind."""
    rounds: int
    """Of what is compared."""
    pace: Pace


class Bench:
    """The measurements.

    Args:
        options: what they are made on.
        surroundings: of the interpreter.
        client: of the interpreter.
        scripts: the workflows of each kind.
    """

    def __init__(
        self,
        options: Options,
        surroundings: World,
        client: Client,
        scripts: dict[str, list[ScriptedWorkflow]],
    ) -> None:
        self._options = options
        self._surroundings = surroundings
        self._client = client
        self._scripts = scripts

    async def warm_up(self) -> None:
        """Has everything done once: the first calls load what they need."""
        for scripts in self._scripts.values():
            for protocol in (FUSED, STEPWISE):
                await execute(self._client, scripts[0], Way(protocol))

    async def one_task(self) -> None:
        """Calls and wall time of one task at a time."""
        fused = [ran for kind in ("plain", "faulty") for ran in await self._all(kind, Way(FUSED))]
        self._tell_ratio(
            "fused_calls",
            "calls of the model",
            [ran.finished.steps + ran.finished.refused_replies for ran in fused],
            [ran.finished.usage.llm_calls for ran in fused],
            "baseline: one a step and one a correction",
        )
        for kind in ("plain", "tools"):
            ran = await self._all(kind, Way(FUSED))
            self._tell_ratio(
                f"fused_wall_{kind}",
                "s",
                [each.latency for each in ran],
                [each.wall for each in ran],
                f"baseline: what endpoint and tools took; {_worst(ran, lambda each: each.latency)}",
            )
            for memory, name in ((APPEND, "append"), (TRAVERSE, "traverse")):
                ran = await self._all(kind, Way(STEPWISE, memory))
                self._tell_ratio(
                    f"stepwise_wall_{kind}_{name}",
                    "s",
                    [each.critical_path for each in ran],
                    [each.wall for each in ran],
                    "baseline: the critical path by the clocks of endpoint and tools; "
                    f"{_worst(ran, lambda each: each.critical_path)}",
                )

    async def protocols(self) -> None:
        """`fused` against `stepwise` in turn."""
        for kind in ("plain", "tools"):
            fused = await self._all(kind, Way(FUSED), 1)
            for memory, name in ((APPEND, "append"), (TRAVERSE, "traverse")):
                theirs = await self._all(kind, Way(STEPWISE, memory, IN_TURN), 1)
                against = f"baseline: stepwise, {name}, one question at a time; ours: fused, append"
                self._tell_ratio(
                    f"fused_calls_{kind}_{name}",
                    "calls of the model",
                    [each.finished.usage.llm_calls for each in theirs],
                    [each.finished.usage.llm_calls for each in fused],
                    against,
                )
                self._tell_ratio(
                    f"fused_time_{kind}_{name}",
                    "s",
                    [each.wall for each in theirs],
                    [each.wall for each in fused],
                    against,
                )

    async def at_once(self) -> None:
        """Many tasks against one."""
        for kind, way, name in (
            ("plain", Way(FUSED), "fused"),
            ("tools", Way(FUSED), "fused_tools"),
            ("tools", Way(STEPWISE, TRAVERSE), "stepwise_tools_traverse"),
        ):
            one: list[float] = []
            many: list[float] = []
            for script in self._scripts[kind][: self._options.rounds]:
                one.append(await self._together(script, way, 1))
                many.append(await self._together(script, way, AT_ONCE))
            self._tell_ratio(
                f"at_once_{name}", "s", one, many, f"baseline: one task; ours: {AT_ONCE} at once"
            )

    async def _together(self, script: ScriptedWorkflow, way: Way, number: int) -> float:
        started = perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(number):
                group.create_task(execute(self._client, script, way))
        return perf_counter() - started

    async def _all(self, kind: str, way: Way, rounds: int = 0) -> list[Ran]:
        """Every workflow of a kind, each so often."""
        return [
            await run(self._surroundings, self._client, script, way)
            for script in self._scripts[kind]
            for _ in range(rounds or self._options.rounds)
        ]

    def _tell_ratio(
        self, name: str, unit: str, baseline: Sequence[float], ours: Sequence[float], conditions: str
    ) -> None:
        pace = self._options.pace
        pairs = list(zip(baseline, ours, strict=True))
        Measurement(
            f"interpreter.{name}",
            unit,
            baseline=median(baseline),
            ours=median(ours),
            ratio=median(theirs / own for theirs, own in pairs),
            better="lower",
            conditions=f"{conditions}; at worst {min(theirs / own for theirs, own in pairs):.3f}; "
            f"{len(pairs)} executions, {1000 * pace.answer:g} ms an answer and "
            f"{1000 * pace.token:g} a token, {1000 * pace.tool:g} ms a tool; "
            f"load {os.getloadavg()[0]:.1f} of {os.cpu_count()} cores",
        ).tell()


def _worst(ran: Sequence[Ran], needed: Callable[[Ran], float]) -> str:
    """What the interpreter's process went through where an execution took longest beyond what it needed."""
    worst = max(ran, key=lambda each: each.wall / needed(each))
    beyond, waited = 1000 * (worst.wall - needed(worst)), 1000 * worst.waited
    return f"the worst took {beyond:.0f} ms longer, and waited {waited:.0f} ms for a core"


@asynccontextmanager
async def bench(options: Options) -> AsyncIterator[Bench]:
    """Everything that is needed, for the length of the block."""
    scripts = {
        kind: drawn(kind, shape, options.workflows, lambda steps: 6 <= steps <= 16)
        for kind, shape in _SHAPES.items()
    }
    every = [script for each in scripts.values() for script in each]
    with tempfile.TemporaryDirectory() as folder:
        async with (
            world(every, Path(folder), options.pace) as surroundings,
            surroundings.client() as client,
        ):
            made = Bench(options, surroundings, client, scripts)
            await made.warm_up()
            yield made


_PARTS: Mapping[str, Callable[[Bench], Awaitable[None]]] = MappingProxyType(
    {"one-task": Bench.one_task, "protocols": Bench.protocols, "at-once": Bench.at_once}
)


async def measure(options: Options, parts: Sequence[str]) -> None:
    """Measures and prints."""
    async with bench(options) as made:
        for part in parts:
            await _PARTS[part](made)


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(_PARTS)}; all by default")
    parser.add_argument("--workflows", type=int, default=4, help="of each kind")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--answer", type=float, default=0.2, help="seconds that an answer takes")
    parser.add_argument("--token", type=float, default=0.01, help="seconds that each of its tokens takes")
    parser.add_argument("--tool", type=float, default=0.05, help="seconds that a call of a tool takes")
    given = parser.parse_args()
    parts: list[str] = given.parts or list(_PARTS)
    if unknown := set(parts) - _PARTS.keys():
        parser.error(f"no part is named {', '.join(sorted(unknown))}")
    pace = Pace(given.answer, given.token, given.tool)
    asyncio.run(measure(Options(given.workflows, given.rounds, pace), parts))


if __name__ == "__main__":
    main()
