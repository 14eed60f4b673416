"""Names of what services keep, as people give them: `runs/<id>` and the like, or the id alone."""

from __future__ import annotations

import re

from autoflow.cli.exits import CommandFailed, ExitCode

_RUN = _EXECUTION = re.compile(r"[a-z0-9-]{1,64}")
_WORKFLOW = re.compile(r"[a-z0-9][a-z0-9-]{0,63}(@(?:[a-z][a-z0-9-]{0,63}|[1-9][0-9]{0,8}))?")
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


def workflow_reference(argument: str, *, version: bool = True) -> str:
    """The whole name of a registered workflow or of one of its versions.

    Args:
        argument: `planner`, `planner@3` or `planner@production`, also after `workflows/`.
        version: whether it may name a version.

    Raises:
        CommandFailed: no registered workflow can be called so.
    """
    identity = argument.removeprefix("workflows/")
    found = _WORKFLOW.fullmatch(identity)
    if found is None or (found[1] and not version):
        rule = "it reads ID or ID@VERSION or ID@ALIAS" if version else "it reads ID"
        raise CommandFailed(
            f"{argument!r} is no name of a workflow: {rule}, of small letters, digits and -", ExitCode.USAGE
        )
    return f"workflows/{identity}"


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
