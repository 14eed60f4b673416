"""Ten thousand drawn requests to every method of every service: `python -m benchmarks.every_method`.

Starts the real services in this process, with scripted models and workers that do nothing, and prints one
JSON object: for each method how often each status code came, and how many requests the validation rules let
pass. Ends with 1 where a request found a fault (INTERNAL, UNKNOWN, or no end within 30 seconds),
where a method did not succeed often enough, or where fewer than half of the requests were valid.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

from tests.requests.measure import measure, services


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=10_000, help="in all, at least")
    parser.add_argument("--ok", type=int, default=100, help="how often each method has to succeed")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    methods = sum(len(service.methods) for service in services())
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        outcomes = asyncio.run(measure(Path(folder), -(-given.requests // methods), given.seed))
    sent = sum(outcome.codes.total() for outcome in outcomes.values())
    valid = sum(outcome.valid for outcome in outcomes.values())
    faults = {name: outcome.faults[:3] for name, outcome in outcomes.items() if outcome.faults}
    rare = [name for name, outcome in outcomes.items() if outcome.codes["OK"] < given.ok]
    report = {
        "seed": given.seed,
        "requests": sent,
        "valid": valid,
        "seconds": round(time.monotonic() - started, 1),
        "methods": {
            name: {"valid": outcome.valid, **dict(outcome.codes)}
            for name, outcome in sorted(outcomes.items())
        },
        "faults": faults,
        "rarely_ok": rare,
    }
    print(json.dumps(report, indent=2))
    sys.exit(1 if faults or rare or 2 * valid < sent else 0)


if __name__ == "__main__":
    main()
