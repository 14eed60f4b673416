"""Names of what a trainer keeps, as people give them: `runs/<id>` and `suites/<id>`, or the id alone."""

from __future__ import annotations

import re

from autoflow.cli.exits import CommandFailed, ExitCode

_RUN = re.compile(r"[a-z0-9-]{1,64}")
_SUITE = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


def run_name(argument: str) -> str:
    """The whole name of a run.

    Raises:
        CommandFailed: no run can be called so.
    """
    return _name(argument, "run", _RUN)


def suite_name(argument: str) -> str:
    """The whole name of a suite.

    Raises:
        CommandFailed: no suite can be called so.
    """
    return _name(argument, "suite", _SUITE)


def _name(argument: str, kind: str, pattern: re.Pattern[str]) -> str:
    identity = argument.removeprefix(f"{kind}s/")
    if not pattern.fullmatch(identity):
        rule = f"it reads {kind}s/ID, or ID alone, of small letters, digits and -"
        raise CommandFailed(f"{argument!r} is no name of a {kind}: {rule}", ExitCode.USAGE)
    return f"{kind}s/{identity}"
