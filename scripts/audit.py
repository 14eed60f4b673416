"""Looks the pinned versions up in a database of known vulnerabilities; `make audit` runs it.

pip-audit asks; what it says is made into one of three answers, because by itself it ends with the same status
where a version is vulnerable and where nobody could be asked, and with 0 where the database knows none of the
versions. PyPI is asked first, and OSV where PyPI does not answer for every version.

It does not protect against what no database knows yet, and says nothing about the code of AutoFlow itself.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

from scripts.requirements import CONSTRAINTS

ASKING = 600.0
"""Seconds that one database has for all versions."""


class Status(IntEnum):
    """The exit status; 2 is that of a wrong command."""

    CLEAN = 0
    """Every version is known, and no vulnerability of any."""
    VULNERABLE = 1
    """A version has a known vulnerability."""
    UNANSWERED = 3
    """No database could be reached, or none knows all versions; those it knows are clean."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a database said."""

    status: Status
    lines: tuple[str, ...]
    """For a person; what is vulnerable comes first."""


def ask(requirements: Path, *options: str) -> Answer:
    """Asks one database.

    Args:
        requirements: a file of pins.
        options: pip-audit's own, which choose the database.
    """
    pip_audit = [sys.executable, "-m", "pip_audit", "--progress-spinner", "off", "--format", "json"]
    pins = ["--disable-pip", "--no-deps", "--requirement", str(requirements)]
    try:
        done = subprocess.run(
            [*pip_audit, *pins, *options], capture_output=True, text=True, timeout=ASKING, check=False
        )
    except subprocess.TimeoutExpired:
        return Answer(Status.UNANSWERED, (f"no answer within {ASKING:g} s",))
    try:
        entries: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        why = done.stderr.strip().splitlines() or [f"pip-audit ended with status {done.returncode}"]
        return Answer(Status.UNANSWERED, (f"the database cannot be reached: {why[-1]}",))
    return judged(entries)


def judged(entries: Sequence[dict[str, Any]]) -> Answer:
    """Makes one answer of what pip-audit says of each version."""
    vulnerable = [
        f"{entry['name']} {entry['version']}: {fault['id']}, "
        f"fixed in {', '.join(fault['fix_versions']) or 'no version'}"
        for entry in entries
        for fault in entry.get("vulns", ())
    ]
    unknown = [entry["name"] for entry in entries if "skip_reason" in entry]
    lines = list(vulnerable)
    if unknown and len(unknown) == len(entries):
        lines.append("the database cannot be reached: what answers knows none of the versions")
    elif unknown:
        lines.append(f"the database does not know these versions: {', '.join(unknown)}")
    if vulnerable:
        return Answer(Status.VULNERABLE, tuple(lines))
    if unknown or not entries:
        return Answer(Status.UNANSWERED, tuple(lines))
    return Answer(Status.CLEAN, (f"{len(entries)} versions, no known vulnerability",))


def main(arguments: Sequence[str] | None = None) -> int:
    """Asks, and prints the answers.

    Args:
        arguments: of the command; `sys.argv` by default.

    Returns:
        The exit status, a `Status`.
    """
    parser = argparse.ArgumentParser(description="Looks pinned versions up among known vulnerabilities.")
    parser.add_argument("--requirements", type=Path, default=CONSTRAINTS, help="a file of pins")
    parser.add_argument("--osv-url", help="ask this database alone, which speaks OSV's protocol")
    given = parser.parse_args(arguments)
    databases: dict[str, tuple[str, ...]] = {
        "PyPI": ("--vulnerability-service", "pypi"),
        "OSV": ("--vulnerability-service", "osv"),
    }
    if given.osv_url:
        databases = {given.osv_url: ("--vulnerability-service", "osv", "--osv-url", given.osv_url)}
    status = Status.UNANSWERED
    for name, options in databases.items():
        answer = ask(given.requirements, *options)
        for line in answer.lines:
            print(f"{name}: {line}", file=sys.stderr)
        status = answer.status
        if status is not Status.UNANSWERED:
            break
    if status is Status.UNANSWERED:
        print("Nobody could be asked about every version: this says nothing about them.", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
