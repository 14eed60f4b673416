"""What stays in memory and in the database: `python -m benchmarks.execution_memory --executions 10000`.

An interpreter in a process of its own executes workflows of a few steps, with tools, by both protocols, and
keeps only the newest of those that have ended. Every 500 executions, when none is under way, its memory, file
descriptors, threads and asyncio tasks are noted, and the size of its database. Prints the notes as lines of
JSON, and last how they grow by 1,000 executions once it is warm: the slope of a line of least squares.

The process is the interpreter as it is, but for a task that counts the others.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import linear_regression
from time import perf_counter

from autoflow.client import Client
from autoflow.server import Service
from autoflow.server import main as serve
from autoflow.testing.scripted_workflow import ScriptedWorkflow, Shape
from autoflow_interpreter import build
from benchmarks.execution_runs import APPEND, FUSED, STEPWISE, Way, drawn, execute
from tests.interpreter.world import World, world

_TASKS = "AUTOFLOW_BENCHMARK_TASKS"
"""Variable: where the process writes how many tasks it has."""
_LOOK_SECONDS = 0.2
_EVERY, _WARM = 500, 0.3
"""Executions between two notes, and the share of all after which the process is taken for warm."""
_WAYS = (Way(FUSED, APPEND), Way(STEPWISE, APPEND))


def counting(env: Mapping[str, str]) -> Service:
    """The interpreter, and a task that writes down how many there are."""
    service = build(env)

    async def count() -> None:
        while True:
            _write(Path(env[_TASKS]), str(len(asyncio.all_tasks()) - 1))
            await asyncio.sleep(_LOOK_SECONDS)

    counter: list[asyncio.Task[None]] = []

    async def start() -> None:
        await service.start()
        counter.append(asyncio.create_task(count()))

    async def stop() -> None:
        counter.pop().cancel()
        await service.stop()

    return replace(service, start=start, stop=stop)


def _write(file: Path, text: str) -> None:
    """So that nobody reads half of it."""
    written = file.with_suffix(".written")
    written.write_text(text)
    written.replace(file)


class Notes:
    """What was noted of a process.

    Args:
        surroundings: of the process.
        folder: of its database.
        tasks: the file that tells its tasks.
    """

    def __init__(self, surroundings: World, folder: Path, tasks: Path) -> None:
        self._surroundings = surroundings
        self._folder = folder
        self._tasks = tasks
        self.taken: list[dict[str, float]] = []

    async def take(self, executions: int) -> None:
        """Notes what there is when nothing is under way."""
        await asyncio.sleep(3 * _LOOK_SECONDS)
        usage = self._surroundings.process.usage
        size = sum(file.stat().st_size for file in self._folder.glob("interpreter.db*"))
        self.taken.append(
            {
                "executions": executions,
                "rss_mib": round(usage.rss_mib, 1),
                "files": usage.files,
                "threads": usage.threads,
                "tasks": int(self._tasks.read_text()),
                "database_mib": round(size / 2**20, 2),
                "cpu_seconds": round(usage.cpu_seconds, 1),
            }
        )
        print(json.dumps(self.taken[-1]), flush=True)

    def growth(self, executions: int) -> dict[str, float]:
        """By 1,000 executions, of what was noted when the process was warm."""
        warm = [note for note in self.taken if note["executions"] >= _WARM * executions]
        done = [note["executions"] / 1000 for note in warm]
        return {
            f"{what}_per_1000": round(linear_regression(done, [note[what] for note in warm]).slope, 3)
            for what in ("rss_mib", "files", "threads", "tasks", "database_mib")
        }


async def measure(executions: int, at_once: int, kept: int, folder: Path) -> None:
    """Measures and prints."""
    shape = Shape(max_steps=5, tools=("add", "weather"))
    scripts = drawn("memory", shape, 50, lambda steps: 2 <= steps <= 5)
    tasks = folder / "tasks"
    os.environ[_TASKS] = str(tasks)
    started = perf_counter()
    async with (
        world(
            scripts, folder, module="benchmarks.execution_memory", interpreter_keep_executions=kept
        ) as surroundings,
        surroundings.client() as client,
    ):
        notes = Notes(surroundings, folder, tasks)
        await notes.take(0)
        for done in range(_EVERY, executions + 1, _EVERY):
            await _some(client, scripts, at_once)
            surroundings.forget()
            gc.collect()
            await notes.take(done)
    told = {
        "executions": executions,
        "at_once": at_once,
        "kept": kept,
        "first_warm": next(note for note in notes.taken if note["executions"] >= _WARM * executions),
        "last": notes.taken[-1],
        **notes.growth(executions),
        "seconds": round(perf_counter() - started),
        "load": round(os.getloadavg()[0], 1),
    }
    print(json.dumps(told))


async def _some(client: Client, scripts: Sequence[ScriptedWorkflow], at_once: int) -> None:
    waiting = list(range(_EVERY))

    async def caller() -> None:
        while waiting:
            number = waiting.pop()
            await execute(client, scripts[number % len(scripts)], _WAYS[number % len(_WAYS)])

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(caller())


def main() -> None:
    """Runs the benchmark; as the process of the interpreter, serves."""
    if _TASKS in os.environ:
        serve(counting)
        return
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--executions", type=int, default=10_000)
    parser.add_argument("--at-once", type=int, default=20)
    parser.add_argument("--kept", type=int, default=1000, help="executions that the database keeps")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(given.executions, given.at_once, given.kept, Path(folder)))


if __name__ == "__main__":
    main()
