"""What an endpoint that fails a fifth of its calls changes in a run: nothing but the time.

    python -m benchmarks.failing_endpoint

The same runs, `random`, `history`, `reflective` and an evaluation side by side, over real services whose
models are behind a scripted endpoint: once it never fails, then it fails a share of all requests, each in one
of seven ways. Equal means all of a run but its times and its identity: state, iterations with every
candidate's digest, parents, reward and fate, winner, acceptance, validation mean, test figures, flags, and
the ledger's calls and tokens. `lost` are answers that the endpoint charges and no ledger has: their execution
or draw failed later on, or they came too late.

Prints one JSON object; ends with 1 where something differs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from autoflow.testing import FaultPlan
from autoflow.v1 import run_pb2
from autoflow_worker.concurrency import Retry
from tests.worker.failing import KINDS, Session, Size, session, timeless

_PATIENCE = 3600.0
"""Seconds that the runs of one endpoint may take."""


async def measure(home: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Does the runs twice, and compares."""
    size = Size(options.train, options.validation, options.test, options.iterations, control=options.control)
    plan = FaultPlan(options.share, seed=options.seed)
    both = partial(session, size=size, retry=Retry(), patience=_PATIENCE, backoff=0.5)
    steady = await both(home / "steady")
    failing = await both(
        home / "failing", plan, attempts=options.attempts, attempt_timeout=options.attempt_timeout
    )
    lost = failing.charges(failing.delivered - steady.delivered)
    return {
        "share": options.share,
        "attempts_of_a_call": options.attempts,
        "runs": {kind: _told(steady.runs[kind], failing.runs[kind]) for kind in KINDS},
        "steady": _seen(steady),
        "failing": _seen(failing) | {"failures": dict(sorted(failing.faults.items()))},
        "lost": dict(zip(("calls", "prompt_tokens", "completion_tokens"), lost, strict=True)),
        "equal": all(timeless(failing.runs[kind]) == timeless(steady.runs[kind]) for kind in KINDS),
        "paid_once": failing.recorded == failing.charges(steady.delivered) == steady.recorded,
        "load": round(os.getloadavg()[0], 1),
    }


def _told(steady: run_pb2.Run, failing: run_pb2.Run) -> dict[str, Any]:
    runs = (steady, failing)
    there, here = map(timeless, runs)
    return {
        "state": run_pb2.RunState.Name(failing.state),
        "equal": there == here,
        "differs": sorted(key for key in there.keys() | here.keys() if there.get(key) != here.get(key)),
        "executions": failing.ledger.executions,
        "missing": failing.ledger.missing,
        "llm_calls": failing.ledger.usage.llm_calls,
        "candidates": sum(len(iteration.candidates) for iteration in failing.iterations),
        "seconds": [_seconds(run) for run in runs],
    }


def _seconds(run: run_pb2.Run) -> float:
    return round((run.end_time.ToMilliseconds() - run.start_time.ToMilliseconds()) / 1000, 1)


def _seen(ended: Session) -> dict[str, Any]:
    calls, prompt, completion = ended.recorded
    return {
        "requests": len(ended.endpoint.calls),
        "ledger": {"calls": calls, "prompt_tokens": prompt, "completion_tokens": completion},
        "cost_usd": round(sum(run.ledger.usage.cost_usd for run in ended.runs.values()), 6),
        "seconds": round(ended.seconds, 1),
    }


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--share", type=float, default=0.2, help="of all requests that fail")
    parser.add_argument("--seed", type=int, default=0, help="of the failures")
    parser.add_argument("--attempts", type=int, default=5, help="of a call, by the catalogue's entry")
    parser.add_argument("--attempt-timeout", type=float, default=2.0, help="seconds of one attempt")
    parser.add_argument("--train", type=int, default=20, help="tasks")
    parser.add_argument("--validation", type=int, default=20, help="tasks")
    parser.add_argument("--test", type=int, default=12, help="tasks")
    parser.add_argument("--iterations", type=int, default=5)
    parser.add_argument("--control", type=int, default=4, help="samples")
    with tempfile.TemporaryDirectory() as scratch:
        report = asyncio.run(measure(Path(scratch), parser.parse_args()))
    print(json.dumps(report, indent=2))
    sys.exit(0 if report["equal"] and report["paid_once"] else 1)


if __name__ == "__main__":
    main()
