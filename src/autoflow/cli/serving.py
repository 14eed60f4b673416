"""What `autoflow up` does: serves everything until it is asked to stop."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path

from rich.table import Table
from rich.text import Text

from autoflow.cli.console import Output, one_line
from autoflow.cli.runtime import local_services, log_to, run
from autoflow.cli.sole_use import sole_use
from autoflow.server import ServerSettings
from autoflow.server.compose import SERVICES, local_environment
from autoflow.server.process import settled
from autoflow.settings import from_env
from autoflow.telemetry.setup import switched_on

_BY_PORT = ("generator", "interpreter", "scorer", "trainer", "experts")
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def serve(data: Path, port: int, output: Output, *, verbose: bool) -> None:
    """Runs all services until SIGINT or SIGTERM, then drains them; a second signal ends the process at once.

    Args:
        data: the folder of their state.
        port: of the generator, the others following; 0 takes free ones.
        output: where to print the addresses.
        verbose: whether to log to standard error.

    Raises:
        CommandFailed: another command works in the folder.
        OSError: a port is taken, or the folder cannot be written.
        SettingsError: a variable cannot be read.
        Exception: what a service raised that did not start.
    """
    environment = local_environment(data, os.environ)
    settings = from_env(ServerSettings, environment)
    log = None if verbose else data / "services.log"
    ports = {name: port + index for index, name in enumerate(_BY_PORT)} if port else {}

    def ready(addresses: dict[str, str]) -> None:
        _print(addresses, data, log, output)

    with sole_use(data, "--data"), switched_on(environment, "up"):
        log_to(log, settings.log_level)
        run(_serve_until_asked(environment, ports, ready, settings.drain_grace))


async def _serve_until_asked(
    env: Mapping[str, str], ports: Mapping[str, int], ready: Callable[[dict[str, str]], None], grace: float
) -> None:
    stop = _StopRequest()
    try:
        async with local_services(env, SERVICES, ports) as system:
            stop.may_cancel = False
            with settled():
                ready(system.addresses)
                await stop.asked.wait()
                await system.stop(grace)
    except asyncio.CancelledError:
        if not stop.asked.is_set():
            raise


class _StopRequest:
    """The first signal; make it in the task that is to stop."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.may_cancel = True
        """While services start there is nothing to drain, and the task is cancelled."""
        self._task = asyncio.current_task()
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._ask)

    def _ask(self) -> None:
        self.asked.set()
        for number in _SIGNALS:
            # Not back to Python's own: a KeyboardInterrupt amid a drain can bring down gRPC's threads.
            signal.signal(number, signal.SIG_DFL)
        if self.may_cancel and self._task is not None:
            self._task.cancel()


def _print(addresses: dict[str, str], data: Path, log: Path | None, output: Output) -> None:
    if output.json:
        output.record({"services": addresses, "data": str(data), "log": None if log is None else str(log)})
        return
    table = Table.grid(padding=(0, 2))
    for name in _BY_PORT:
        table.add_row(Text(name, "bold"), Text(addresses[name], "cyan"))
    table.add_row(Text("data", "bold"), Text(one_line(str(data)), overflow="fold"))
    if log is not None:
        table.add_row(Text("log", "bold"), Text(one_line(str(log)), overflow="fold"))
    output.result(table)
    output.note("Ready; Ctrl-C stops.")
