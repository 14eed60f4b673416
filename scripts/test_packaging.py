"""Installs the wheel with each extra alone in a clean environment, and uses what it is for.

`make test-packaging` runs it: first what wheel and sdist hold, and that both give the same wheel, then one
environment per extra, with the versions of `constraints.txt`. An environment is a folder in a temporary place
and goes when its checks end.
What goes wrong is told on stderr and in the summary, JSON on stdout; the exit status is 0 where all is well,
1 where a check failed, and 2 where the command or a build did.

It needs a package index, or a folder of wheels that pip is configured for. Left out: other versions of
Python and other platforms than the one it runs on.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from scripts import distributions
from scripts.entry_points import Environment, Failure, check_entry_points
from scripts.requirements import CONSTRAINTS, DISTRIBUTION, ROOT

BASE = "base"
"""What an installation without extras is called here."""
LEFT_OUT = ("dev",)
"""Extras that are for a checkout; every other test runs in one."""
WITH_TORCH = ("experts-pretrained", "scorer", "local", "training", "all")
INSTALLING = 1800.0
"""Seconds that one installation has."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one extra."""

    extra: str
    faults: tuple[str, ...]
    """What is wrong; empty where nothing is."""
    distributions: int
    """How many were installed, AutoFlow among them."""
    seconds: float


def extras() -> list[str]:
    """Returns `base` and the extras of pyproject.toml in their order there."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [BASE, *(extra for extra in project["optional-dependencies"] if extra not in LEFT_OUT)]


def check_extra(extra: str, wheel: Path, folder: Path) -> Result:
    """Installs one extra and checks the installation.

    Args:
        extra: its name, or `base`.
        wheel: what to install.
        folder: an empty one, for the environment.
    """
    started = time.monotonic()
    installed: set[str] = set()
    faults: list[str] = []
    try:
        environment = install(extra, wheel, folder)
        installed = environment.distributions()
        environment.pip("check", timeout=60)
        if "torch" in installed and extra not in WITH_TORCH:
            faults.append("torch came along")
        check_entry_points(extra, environment)
    except Failure as failure:
        faults.append(str(failure))
    return Result(extra, tuple(faults), len(installed), round(time.monotonic() - started, 1))


def install(extra: str, wheel: Path, folder: Path) -> Environment:
    """Makes an environment with the wheel and one extra.

    Raises:
        Failure: it cannot be installed.
    """
    wanted = str(wheel) if extra == BASE else f"{DISTRIBUTION}[{extra}] @ {wheel.as_uri()}"
    environment = Environment(folder)
    environment.make()
    # Not compiled: most modules of the large libraries are never imported.
    environment.pip("install", "--quiet", "--no-compile", "-c", str(CONSTRAINTS), wanted, timeout=INSTALLING)
    return environment


def check_contents(folder: Path) -> tuple[Path, list[str]]:
    """Builds both distributions.

    Returns:
        The wheel, and what is wrong with what they hold.
    """
    wheel, sdist = distributions.build_wheel(folder), distributions.build_sdist(folder)
    rebuilt = distributions.rebuild_wheel(sdist, folder / "rebuilt")
    of_wheel = distributions.faults_of_wheel(distributions.files_of_wheel(wheel))
    of_sdist = distributions.faults_of_sdist(distributions.files_of_sdist(sdist))
    of_both = distributions.differences_of_wheels(wheel, rebuilt)
    return wheel, [
        *(f"wheel: {fault}" for fault in of_wheel),
        *(f"sdist: {fault}" for fault in of_sdist),
        *(f"wheel of the tree and of the sdist: {fault}" for fault in of_both),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the checks.

    Args:
        arguments: of the command; `sys.argv` by default.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(description="Installs the wheel with each extra alone and uses it.")
    parser.add_argument("extras", nargs="*", metavar="extra", help="check these alone; `base` is no extra")
    chosen: list[str] = parser.parse_args(arguments).extras or extras()
    if unknown := set(chosen) - set(extras()):
        parser.error(f"no such extra: {', '.join(sorted(unknown))}")

    with tempfile.TemporaryDirectory(prefix="autoflow-packaging-") as name:
        folder = Path(name)
        try:
            wheel, faults = check_contents(folder)
        except (subprocess.SubprocessError, OSError) as error:
            print(f"cannot build: {error}", file=sys.stderr)
            return 2
        _tell("contents", faults, "")
        results = []
        for extra in chosen:
            with tempfile.TemporaryDirectory(dir=folder) as place:
                result = check_extra(extra, wheel, Path(place))
            _tell(extra, result.faults, f"{result.distributions} distributions, {result.seconds} s")
            results.append(result)
    print(json.dumps({"contents": faults, "extras": [asdict(result) for result in results]}, indent=2))
    return int(bool(faults) or any(result.faults for result in results))


def _tell(what: str, faults: Sequence[str], more: str) -> None:
    print(f"{what:<12} {'FAILED' if faults else 'ok':<7} {more}".rstrip(), file=sys.stderr, flush=True)
    for fault in faults:
        print(f"    {fault}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
