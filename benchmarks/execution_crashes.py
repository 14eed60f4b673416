"""What becomes of executions whose server is killed: `python -m benchmarks.execution_crashes`.

Executes workflows drawn at random, by both protocols and with steps that call tools, some of which may not be
called twice, while the interpreter's process is killed (SIGKILL) at random instants and started again on the
same database. What the model's endpoint and the tools were asked, by their own records, is held against the
events that are kept. Prints one JSON object; ends with 1 where an execution does not end as it would have
without kills, or where a step or a call that had ended was repeated.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import Any

from tests.interpreter.crashes.judging import judge
from tests.interpreter.crashes.killing import LEASE_SECONDS, mortal, scripts, survive

_LIVES = (0.3, 1.5)
"""Seconds that the interpreter lives, at least and at most."""


async def measure(executions: int, at_once: int, seed: int, folder: Path) -> dict[str, Any]:
    """Kills and judges."""
    wanted = scripts(executions, seed)
    started = perf_counter()
    async with mortal(wanted, folder) as surroundings:
        survivors = await survive(
            surroundings,
            wanted,
            random.Random(seed),
            at_once=at_once,
            most_kills=10 * executions,
            lives=_LIVES,
        )
        verdict = judge(survivors, surroundings)
        return {
            "seed": seed,
            "executions": executions,
            "ended": len(survivors),
            "kills": len(surroundings.kills),
            **asdict(verdict),
            "lease_seconds": LEASE_SECONDS,
            "seconds": round(perf_counter() - started, 1),
            "load": round(os.getloadavg()[0], 1),
        }


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--executions", type=int, default=100)
    parser.add_argument("--at-once", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = asyncio.run(measure(given.executions, given.at_once, given.seed, Path(folder)))
    print(json.dumps(report, indent=2))
    sys.exit(1 if report["faults"] or report["ended"] < report["executions"] else 0)


if __name__ == "__main__":
    main()
