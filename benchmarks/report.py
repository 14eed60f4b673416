"""How a benchmark tells what it has measured, and what collects that: `python -m benchmarks.report server`.

A measurement is one JSON object on one line. The command runs the benchmarks of the services that it is
given, of all by default, one after the other, and shows what they print; their measurements go to
`build/bench/results.jsonl`, where those of an earlier time with the same name make room. Ends with 1 where a
benchmark failed or measured nothing.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "build" / "bench" / "results.jsonl"
BENCHMARKS = {
    "generator": ("benchmarks.local_engine",),
    "interpreter": ("benchmarks.execution", "benchmarks.execution_cpu"),
    "scorer": ("benchmarks.scorer_text", "benchmarks.scorer_images"),
    "server": ("benchmarks.server_runtime", "benchmarks.telemetry"),
}
"""The modules that compare something of ours with a named baseline, by service."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """What was measured of one thing, beside its baseline in the same run."""

    name: str
    """`<service>.<what>`, such as `server.lint_over_echo`."""
    unit: str
    baseline: float | None
    """In that unit; None where there is nothing to compare with."""
    ours: float
    ratio: float | None
    """How many times better ours is than the baseline, the median of alternating pairs; below 1: worse."""
    better: Literal["higher", "lower"]
    """Which figure of the unit is the better one."""
    conditions: str
    """What the baseline is, what was done, and on what."""

    def tell(self) -> None:
        """Prints it, with three decimals."""
        told = {
            key: round(value, 3) if isinstance(value, float) else value for key, value in asdict(self).items()
        }
        print(json.dumps(told), flush=True)


def measurement_of(line: str) -> dict[str, Any] | None:
    """Returns what a line of a benchmark's output measures, and None where it is another line."""
    try:
        told = json.loads(line)
    except ValueError:
        return None
    names = {field.name for field in fields(Measurement)}
    return told if isinstance(told, dict) and told.keys() == names else None


def collect(modules: Sequence[str], results: Path) -> list[str]:
    """Runs benchmarks, and keeps what they measure.

    Args:
        modules: to run, one after the other.
        results: where the measurements are kept, one JSON object a line.

    Returns:
        What went wrong; empty where nothing did.
    """
    faults = []
    for module in modules:
        process = subprocess.Popen(
            [sys.executable, "-m", module], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        found = {}
        for line in process.stdout:
            print(line, end="", flush=True)
            if told := measurement_of(line):
                found[told["name"]] = told
        if status := process.wait():
            faults.append(f"{module} ended with status {status}")
        elif not found:
            faults.append(f"{module} measured nothing")
        _keep(found, results)
    return faults


def _keep(found: Mapping[str, dict[str, Any]], results: Path) -> None:
    before = results.read_text().splitlines() if results.exists() else []
    kept = {told["name"]: told for line in before if (told := measurement_of(line))}
    results.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(told) + "\n" for _, told in sorted({**kept, **found}.items())]
    results.write_text("".join(lines))


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmarks that the command asks for.

    Args:
        arguments: of the command; `sys.argv` by default.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(description="Measures, and keeps the measurements.")
    parser.add_argument("services", nargs="*", metavar="service", help=f"of {', '.join(BENCHMARKS)}")
    services: list[str] = parser.parse_args(arguments).services or list(BENCHMARKS)
    if unknown := set(services) - BENCHMARKS.keys():
        parser.error(f"no benchmarks of {', '.join(sorted(unknown))}")
    faults = collect([module for service in services for module in BENCHMARKS[service]], RESULTS)
    for fault in faults:
        print(fault, file=sys.stderr)
    print(f"the measurements are in {RESULTS.relative_to(ROOT)}", file=sys.stderr)
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
