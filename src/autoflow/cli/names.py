"""Names of what services keep, as people give them: `runs/<id>` and the like, or the id alone."""

from __future__ import annotations

import re

from autoflow.cli.exits import CommandFailed, ExitCode

_RUN = _EXECUTION = re.compile(r"[a-z0-9-]{1,64}")
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


def execution_name(argument: str) -> str:
    """The whole name of an execution.

    Raises:
        CommandFailed: no execution can be called so.
    """
    return _name(argument, "execution", _EXECUTION)


def execution_id(name: str) -> str:
    """What names an execution in a command."""
    return name.removeprefix("executions/")


def _name(argument: str, kind: str, pattern: re.Pattern[str]) -> str:
    identity = argument.removeprefix(f"{kind}s/")
    if not pattern.fullmatch(identity):
        rule = f"it reads {kind}s/ID, or ID alone, of small letters, digits and -"
        article = "an" if kind[0] in "aeiou" else "a"
        raise CommandFailed(f"{argument!r} is no name of {article} {kind}: {rule}", ExitCode.USAGE)
    return f"{kind}s/{identity}"
