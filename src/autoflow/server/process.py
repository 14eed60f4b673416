"""The process of one service: environment, wiring, serving, and a drain on SIGTERM."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

from autoflow.errors import AutoFlowError
from autoflow.llm import LanguageModelError
from autoflow.server import logs
from autoflow.server.running import serve
from autoflow.server.service import Builder, Service
from autoflow.server.settings import ServerSettings
from autoflow.settings import SettingsError, from_env
from autoflow.telemetry.setup import switched_on

_log = logging.getLogger(__name__)


_USAGE = (
    "It takes no arguments: it serves until it is stopped, at AUTOFLOW_ADDRESS, and all its settings are in "
    "the environment (autoflow config explain lists them)."
)


def main(build: Builder) -> None:
    """Serves what a builder makes until SIGTERM or SIGINT; the whole of a service's `__main__`.

    Exits with status 2 where the environment is wrong, and 3 where the service cannot start because something
    that it needs is not there, such as its database or its address; both with a line on standard error. A
    second signal ends the process at once.

    Args:
        build: makes the service from the environment.
    """
    if sys.argv[1:]:
        # A service is told everything by its environment.
        asked = sys.argv[1:] in (["-h"], ["--help"])
        print(_USAGE, file=sys.stdout if asked else sys.stderr)
        sys.exit(0 if asked else 2)
    env: Mapping[str, str] = os.environ
    with ExitStack() as stack:
        try:
            with _starting(wrong=ValueError):
                settings = from_env(ServerSettings, env)
                logs.configure(settings.log_level, sys.stderr)
                service = build(env)
                stack.enter_context(switched_on(env, service.name))
            asyncio.run(run(service, settings))
        except StartFailed as error:
            _log.debug("the service did not start", exc_info=error)
            print(error, file=sys.stderr)
            sys.exit(error.status)


class StartFailed(Exception):
    """A service cannot start as things are.

    Attributes:
        status: the exit status of its process.
    """

    def __init__(self, error: Exception, status: int) -> None:
        super().__init__(" ".join(str(error).split()) or type(error).__name__)
        self.status = status


@contextmanager
def _starting(wrong: type[ValueError]) -> Iterator[None]:
    """Tells what an operator can mend from faults of the code, which pass.

    Args:
        wrong: what is raised where the environment is.
    """
    try:
        yield
    except wrong as error:
        raise StartFailed(error, 2) from error
    except (AutoFlowError, LanguageModelError, OSError) as error:
        raise StartFailed(error, 3) from error


async def run(service: Service, settings: ServerSettings) -> None:
    """Serves a service until this process is asked to stop, then drains.

    Args:
        service: what to serve.
        settings: where and how.

    Raises:
        StartFailed: the address cannot be listened on, or something that the service needs is not there.
        Exception: what else the service's `start` raised.
    """
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()

    def ask() -> None:
        asked.set()
        for number in (signal.SIGTERM, signal.SIGINT):
            # Not back to Python's own: a KeyboardInterrupt amid a drain can bring down gRPC's threads.
            signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ask)

    # A signal may come while a model is still loading.
    serving = asyncio.create_task(serve(service, settings))
    waiting = asyncio.create_task(asked.wait())
    await asyncio.wait((serving, waiting), return_when=asyncio.FIRST_COMPLETED)
    if not serving.done():
        serving.cancel()
        await asyncio.wait((serving,))
        return
    try:
        with _starting(wrong=SettingsError):
            server = serving.result()
        with settled():
            await waiting
            await server.stop(settings.drain_grace)
    finally:
        waiting.cancel()


@contextmanager
def settled() -> Iterator[None]:
    """Spares the garbage collector what a process has made while it started, for the length of the block.

    Most of what a call leaves behind goes without the collector, so it looks less often as well: with
    Python's own thresholds it takes some 2% of an execution's time.
    """
    thresholds = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)
    try:
        yield
    finally:
        # What is still frozen when the interpreter ends is never freed, and extensions complain of a leak.
        gc.unfreeze()
        gc.set_threshold(*thresholds)
