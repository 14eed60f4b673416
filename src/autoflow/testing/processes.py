"""A service in a process of its own, that can be looked at and killed. Linux alone: it reads `/proc`."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

_START_SECONDS = 120.0
_END_SECONDS = 30.0
_LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class ProcessUsage:
    """What a process takes."""

    cpu_seconds: float
    """Of all its threads, from its start on."""
    rss_mib: float
    """Memory now."""
    peak_mib: float
    """The most memory so far."""
    threads: int
    files: int
    """File descriptors."""


class ServiceProcess:
    """A running service; `service_process` makes one.

    Args:
        process: the process.
        address: where it listens.
    """

    def __init__(self, process: asyncio.subprocess.Process, address: str) -> None:
        self._process = process
        self.address = address

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    @property
    def usage(self) -> ProcessUsage:
        """What it takes."""
        folder = Path("/proc") / str(self.pid)
        told = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
        user, system = (folder / "stat").read_text().rpartition(")")[2].split()[11:13]
        return ProcessUsage(
            cpu_seconds=(int(user) + int(system)) / os.sysconf("SC_CLK_TCK"),
            rss_mib=int(told["VmRSS"].split()[0]) / 1024,
            peak_mib=int(told["VmHWM"].split()[0]) / 1024,
            threads=int(told["Threads"]),
            files=len(list((folder / "fd").iterdir())),
        )

    async def kill(self) -> None:
        """Ends it at once, as a lost machine does; returns when it is gone."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    async def stop(self) -> None:
        """Asks it to end, and kills it where it does not within 30 seconds."""
        if self._process.returncode is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(_END_SECONDS):
                await self._process.wait()
        except TimeoutError:
            await self.kill()


async def start_service(
    name: str, env: Mapping[str, str], log: Path, *, address: str = "127.0.0.1:0", module: str = ""
) -> ServiceProcess:
    """Starts a service; whoever does so ends it.

    Args:
        name: such as `interpreter`.
        env: added to this process's own environment.
        log: a file, to which its log is added.
        address: where it listens; a free port by default.
        module: what is run; the service's own by default.

    Raises:
        RuntimeError: it ended before it listened.
        TimeoutError: it does not listen within two minutes.
    """
    with log.open("a") as file:
        before = file.tell()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", module or f"autoflow_{name}"),
            env={**os.environ, "AUTOFLOW_LOG_LEVEL": "INFO", **env, "AUTOFLOW_ADDRESS": address},
            stderr=file,
        )
    try:
        async with asyncio.timeout(_START_SECONDS):
            while process.returncode is None:
                if told := _told_address(log, before):
                    return ServiceProcess(process, told)
                await asyncio.sleep(_LOOK_SECONDS)
        raise RuntimeError(f"the service {name} ended with {process.returncode} before it listened")
    except BaseException:
        await ServiceProcess(process, "").kill()
        raise


@asynccontextmanager
async def service_process(name: str, env: Mapping[str, str], log: Path) -> AsyncIterator[ServiceProcess]:
    """Runs a service for the length of the block; the arguments are those of `start_service`."""
    process = await start_service(name, env, log)
    try:
        yield process
    finally:
        await process.stop()


def _told_address(log: Path, before: int) -> str:
    """The address that a service has logged since; empty before it has."""
    with log.open() as file:
        file.seek(before)
        lines = [line for line in file if line.startswith("{") and line.endswith("}\n")]
    return next((told["address"] for told in map(json.loads, lines) if "address" in told), "")
