"""Runs a command's coroutine: signals end it in order, and services may run beside it in this process."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from autoflow.cli.exits import CommandFailed, ExitCode

if TYPE_CHECKING:
    from autoflow.server.compose import System

T = TypeVar("T")

_START_SECONDS = 300.0
"""For all services to start; a model is loaded from disk."""

_PLACES = (
    "ARTIFACTS",
    "ADAPTER_CACHE",
    "TRAINER_DATA",
    "INTERPRETER_DATA",
    "GENERATOR_DATA",
    "DATABASE_URL",
    "INTERPRETER_DATABASE_URL",
    "GENERATOR_DATABASE_URL",
)
"""Settings of a place."""

_LIBRARY_DEFAULTS = {
    # Threads of torch that wait by spinning take the cores from whoever they wait for.
    "OMP_WAIT_POLICY": "PASSIVE",
    "GOMP_SPINCOUNT": "0",
    # This command shows progress of its own.
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
}
"""What the libraries of a model read from the environment when they are loaded."""


def run(main: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine to its end in an event loop of its own.

    SIGINT and SIGTERM cancel it, so that whatever it started is stopped; a second SIGINT ends it at once.

    Raises:
        KeyboardInterrupt: it was interrupted.
        typer.Exit: it was terminated; the status is 143, as for a process that SIGTERM ended.
    """

    async def terminable() -> T:
        task = asyncio.ensure_future(main)
        terminated = False

        def terminate() -> None:
            nonlocal terminated
            terminated = True
            task.cancel()

        # Only the main thread of a process may handle signals.
        if threading.current_thread() is threading.main_thread():
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, terminate)
        try:
            return await task
        except asyncio.CancelledError:
            if terminated:
                raise typer.Exit(128 + signal.SIGTERM) from None
            raise
        finally:
            task.cancel()

    return asyncio.run(terminable())


def own_environment(home: Path, env: Mapping[str, str]) -> dict[str, str]:
    """The environment of services that are a command's own: nothing that they do ends up outside its folder.

    Args:
        home: where their state is kept.
        env: this process' environment.
    """
    from autoflow.server.compose import local_environment
    from autoflow.settings import PREFIX

    places = {PREFIX + name for name in _PLACES}
    return local_environment(home, {name: value for name, value in env.items() if name not in places})


@asynccontextmanager
async def local_services(
    env: Mapping[str, str], names: Sequence[str], ports: Mapping[str, int] | None = None
) -> AsyncIterator[System]:
    """Runs services in this process for the length of the block.

    Args:
        env: their environment.
        names: which services.
        ports: of a service; any other takes a free one.

    Yields:
        The services; they are stopped without a drain if they still run at the end.

    Raises:
        CommandFailed: they did not start in time.
        Exception: as `autoflow.server.compose.serve_all`.
    """
    for name, value in _LIBRARY_DEFAULTS.items():
        os.environ.setdefault(name, value)
    from autoflow.server.compose import serve_all

    try:
        async with asyncio.timeout(_START_SECONDS):
            # Their workers, too, are told.
            system = await serve_all({**_LIBRARY_DEFAULTS, **env}, names, ports)
    except TimeoutError:
        reason = f"the services did not start within {_START_SECONDS:g} s"
        raise CommandFailed(reason, ExitCode.UNAVAILABLE) from None
    async with system:
        yield system


def log_to(path: Path | None, level: str) -> None:
    """Sends this process' logs, and the warnings of libraries, to a file, made anew, or to standard error.

    Raises:
        OSError: the file cannot be written.
    """
    from autoflow.server import logs

    logging.captureWarnings(True)
    # Open until the process ends: the last lines are those of services that stop.
    logs.configure(level, sys.stderr if path is None else path.open("w", encoding="utf-8", buffering=1))
