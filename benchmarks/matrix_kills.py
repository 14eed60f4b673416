"""What a matrix pays whose worker is killed twice: `python -m benchmarks.matrix_kills`.

Two checkpoints, the embedded model and one from a short training that is made here and not kept, write for
each other and execute each other's workflows. The worker is killed (SIGKILL) once while it searches and once
while it chooses or compares. What the interpreter keeps is counted: every execution that ended, by model,
workflow and task. Prints one JSON object; ends with 1 where the run did not succeed, where something was
executed to its end twice, or where the ledger tells another number.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

from autoflow.v1 import run_pb2
from autoflow.v1.interpreter_service_pb2 import ExecutionState
from tests.trainer.harness import Trainer
from tests.trainer.suites import parts
from tests.worker.matrix.killing import counted, executions, kill_last, system, wanted

_PATIENCE = 3600.0
"""Seconds that the run may take."""


def trained(folder: Path, tokens: int) -> Path:
    """A checkpoint from a short training."""
    command = [sys.executable, "-m", "autoflow.llm.tiny.train", "--out", str(folder), "--tokens", str(tokens)]
    subprocess.run(command, check=True, stdout=sys.stderr)
    return folder


async def measure(home: Path, second: Path, suite: str, changes: dict[str, int]) -> dict[str, Any]:
    """Runs, kills and counts."""
    started = perf_counter()
    async with system(home, second) as (trainer, client, notes), asyncio.timeout(_PATIENCE):
        if not suite:
            suite = (await trainer.client.trainer.create_suite(parts(), timeout=30)).suite.name
        name = (await trainer.create(wanted(suite, **changes))).name
        kills = []
        for reached in (_searching, _choosing):
            kills.append(await _until(trainer, name, reached))
            kill_last(notes)
        await _until(trainer, name, lambda run: run.HasField("end_time"))
        run = await trainer.get(name)
        kept = await executions(client)
        finished = counted(kept)
        states = [ExecutionState.Name(one.state).removeprefix("EXECUTION_STATE_").lower() for one in kept]
        return {
            "state": run_pb2.RunState.Name(run.state),
            "error": run.error.message,
            "killed_while": kills,
            "workers": len(notes.read_text().split()),
            "iterations": len(run.iterations),
            "executions_by_state": {state: states.count(state) for state in sorted(set(states))},
            "executions_ended": finished.total(),
            "ended_twice": sum(count > 1 for count in finished.values()),
            "ledger_executions": run.ledger.executions,
            "rewards": {
                f"{each.generator.model} / {each.interpreter.model}": round(each.reward.mean, 3)
                for each in run.matrix_result.pairings
            },
            "seconds": round(perf_counter() - started, 1),
            "load": round(os.getloadavg()[0], 1),
        }


def _searching(run: run_pb2.Run) -> bool:
    return "pairing 3 of 4: searching" in run.progress.phase and run.progress.done > 0


def _choosing(run: run_pb2.Run) -> bool:
    phase, done = run.progress.phase, run.progress.done
    return phase == "comparing" or ("validating" in phase and done > 0)


async def _until(trainer: Trainer, name: str, reached: Callable[[run_pb2.Run], bool]) -> str:
    """Waits, and says where the run then stands."""
    while True:
        run = await trainer.get(name)
        if reached(run):
            return f"{run.progress.phase} {run.progress.done}/{run.progress.total}"
        if run.HasField("end_time"):
            raise SystemExit(f"the run ended before it was killed twice: {run.error.message}")
        await asyncio.sleep(0.2)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--second", type=Path, help="a folder with the second checkpoint; default: it is made"
    )
    parser.add_argument("--tokens", type=int, default=30_000, help="of the second checkpoint's training")
    parser.add_argument(
        "--suite", default="", help="such as planning; default: a small one of two tasks a split"
    )
    parser.add_argument("--iterations", type=int, default=3)
    parser.add_argument("--candidates", type=int, default=2)
    parser.add_argument("--tasks", type=int, default=2)
    given = parser.parse_args()
    changes = {name: getattr(given, name) for name in ("iterations", "candidates", "tasks")}
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        second = given.second or trained(home / "second", given.tokens)
        report = asyncio.run(measure(home, second, given.suite, changes))
    print(json.dumps(report, indent=2))
    wrong = report["ended_twice"] or report["ledger_executions"] != report["executions_ended"]
    sys.exit(1 if wrong or report["state"] != "RUN_STATE_SUCCEEDED" else 0)


if __name__ == "__main__":
    main()
