"""What the command's exit status means, and the one place where a failure becomes a line and a status."""

from __future__ import annotations

import errno
from enum import IntEnum


class ExitCode(IntEnum):
    """The exit status of every command."""

    OK = 0
    """It was done, and what was asked about is fine."""
    NOT_OK = 1
    """It was done, and what was asked about is not fine: lint errors, a failed run, no answer."""
    USAGE = 2
    """The command line is wrong, or names something that is not there or not allowed."""
    UNAVAILABLE = 3
    """A service, or something on this machine that it needs, is not there or does not work."""
    FAULT = 70
    """A fault of AutoFlow's own."""


EXIT_HELP = (
    "Exit status: 0 all is well; 1 what was asked about is not (lint errors, a failed run, no answer); "
    "2 wrong usage, or something named is not there; 3 a service cannot be reached or does not work; "
    "70 a fault of AutoFlow's own; 130 and 143 interrupted by SIGINT and SIGTERM."
)
"""The same for `--help`."""


class CommandFailed(Exception):
    """A command cannot go on.

    Attributes:
        message: one line for a person.
        code: the exit status.
    """

    def __init__(self, message: str, code: ExitCode) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


def failure(error: Exception) -> CommandFailed | None:
    """What to tell about an error.

    Args:
        error: anything that a command raised.

    Returns:
        A line and a status; None for an error that nobody expected.
    """
    if isinstance(error, CommandFailed):
        return error
    return _of_the_system(error) or _of_a_service(error)


def _of_the_system(error: Exception) -> CommandFailed | None:
    if isinstance(error, TimeoutError):
        return CommandFailed(str(error) or "it took too long", ExitCode.UNAVAILABLE)
    # A reader that has gone away is not this command's failure; Typer ends it quietly.
    if isinstance(error, OSError) and error.errno != errno.EPIPE:
        said = f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error)
        return CommandFailed(said, ExitCode.UNAVAILABLE)
    if isinstance(error, ModuleNotFoundError):
        advice = "pip install 'autoflow-services[all]'"
        return CommandFailed(f"{error.name} is not installed: {advice}", ExitCode.UNAVAILABLE)
    return None


def _of_a_service(error: Exception) -> CommandFailed | None:
    # Only here: a command that goes well and calls no service never pays for importing these.
    from autoflow import errors
    from autoflow.client import errors as rpc
    from autoflow.settings import SettingsError

    if isinstance(error, rpc.RpcError):
        refused = (rpc.InvalidArgument, rpc.NotFound, rpc.AlreadyExists, rpc.FailedPrecondition)
        code = ExitCode.USAGE if isinstance(error, refused) else ExitCode.UNAVAILABLE
        # A server of ours says them in its message already.
        untold = [found for found in error.details.violations if found.description not in error.message]
        violations = [f"{found.field}: {found.description}" for found in untold]
        return CommandFailed("; ".join([str(error), *violations]), code)
    if isinstance(error, errors.AutoFlowError):
        refusal = isinstance(error, (errors.InvalidArgument, errors.NotFound))
        return CommandFailed(error.message, ExitCode.USAGE if refusal else ExitCode.UNAVAILABLE)
    if isinstance(error, SettingsError):
        return CommandFailed(str(error), ExitCode.USAGE)
    return None
