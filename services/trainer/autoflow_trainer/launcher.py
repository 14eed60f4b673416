"""What the supervisor needs of whatever runs workers."""

from __future__ import annotations

from typing import Protocol


class Worker(Protocol):
    """A worker that was started."""

    async def wait(self) -> str:
        """Returns when it has ended, with what became of it, such as `ended with exit code 1: no such model`.

        Callers of the service read it: no secrets, no paths, no addresses.
        """

    def terminate(self) -> None:
        """Asks it to end. Harmless where it has ended."""

    def kill(self) -> None:
        """Ends it and all that it started, now. Harmless where it has ended."""


class Launcher(Protocol):
    """Starts workers."""

    async def launch(self, run: str, token: str) -> Worker:
        """Starts the worker of a run.

        Args:
            run: `runs/<id>`.
            token: the secret by which the worker proves that the run is its own.

        Raises:
            LaunchFailed: it could not be started.
        """


class LaunchFailed(Exception):
    """A worker could not be started; the message is for callers of the service."""
