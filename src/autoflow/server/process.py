"""The process of one service: environment, wiring, serving, and a drain on SIGTERM."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import ExitStack

from autoflow.server import logs
from autoflow.server.running import serve
from autoflow.server.service import Builder, Service
from autoflow.server.settings import ServerSettings
from autoflow.settings import from_env
from autoflow.telemetry.setup import switched_on


def main(build: Builder) -> None:
    """Serves what a builder makes until SIGTERM or SIGINT; the whole of a service's `__main__`.

    Exits with status 2 where the environment is wrong. A second signal ends the process at once.

    Args:
        build: makes the service from the environment.
    """
    env: Mapping[str, str] = os.environ
    with ExitStack() as stack:
        try:
            settings = from_env(ServerSettings, env)
            logs.configure(settings.log_level, sys.stderr)
            service = build(env)
            stack.enter_context(switched_on(env, service.name))
        except ValueError as error:
            print(error, file=sys.stderr)
            sys.exit(2)
        asyncio.run(run(service, settings))


async def run(service: Service, settings: ServerSettings) -> None:
    """Serves a service until this process is asked to stop, then drains.

    Args:
        service: what to serve.
        settings: where and how.

    Raises:
        OSError: the address cannot be listened on.
        Exception: what the service's `start` raised.
    """
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()

    def ask() -> None:
        asked.set()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)

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
        server = serving.result()
        settle()
        await waiting
        await server.stop(settings.drain_grace)
    finally:
        waiting.cancel()


def settle() -> None:
    """Spares the garbage collector what a process has made while it started, which stays until its end.

    Most of what a call leaves behind goes without the collector, so it looks less often as well: with
    Python's own thresholds it takes some 2% of an execution's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)
