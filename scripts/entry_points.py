"""An environment of its own, and whether what one extra is for starts in it.

What is started sees neither the checkout nor the caller's AutoFlow settings. A service must answer
grpc.health.v1 and then end on SIGTERM, with status 0.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

SERVICES = ("generator", "interpreter", "scorer", "trainer")
IMPORTS = {
    "base": "autoflow.client",
    "server": "autoflow.server",
    "endpoints": "autoflow.llm.openai",
    "postgres": "psycopg",
    "s3": "s3fs",
    "telemetry": "autoflow.telemetry.otel",
    "local": "autoflow.llm.local, autoflow.llm.tiny",
}
"""What must be importable with an extra that has nothing to start."""
STARTING = 60.0
"""Seconds that a service has to answer, and a command to end."""
STOPPING = 40.0
"""Seconds that a service has to end; its drain alone may take 30."""


class Failure(Exception):
    """A check failed; the message says which and shows the end of what was printed."""


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment without pip; the pip that installs into it is that of this Python."""

    folder: Path

    @property
    def scripts(self) -> Path:
        """Where its Python and its commands are."""
        return self.folder / "bin"

    def make(self) -> None:
        """Makes the environment, with nothing in it."""
        self._run([sys.executable, "-m", "venv", "--without-pip", str(self.folder)], timeout=60)

    def pip(self, *arguments: str, timeout: float) -> str:
        """Runs pip on this environment.

        Returns:
            What it printed.

        Raises:
            Failure: it ended with another status than 0, or not within `timeout` seconds.
        """
        python = str(self.scripts / "python")
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python]
        return self._run([*pip, *arguments], timeout=timeout)

    def distributions(self) -> set[str]:
        """Returns the names of all distributions that are installed."""
        listed = json.loads(self.pip("list", "--format", "json", timeout=60))
        return {entry["name"].lower() for entry in listed}

    def run(self, command: str, *arguments: str, status: int = 0) -> str:
        """Runs one of its commands to its end.

        Returns:
            What it printed.

        Raises:
            Failure: it ended with another status, or not within a minute.
        """
        return self._run([str(self.scripts / command), *arguments], timeout=STARTING, status=status)

    def _run(self, command: list[str], timeout: float, status: int = 0) -> str:
        shown = " ".join([Path(command[0]).name, *command[1:]])
        try:
            done = subprocess.run(
                command,
                cwd=self.folder,
                env=clean_environment(),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Failure(f"{shown}: did not end within {timeout:g} s") from None
        if done.returncode != status:
            raise Failure(f"{shown}: status {done.returncode}, not {status}: {done.stdout[-2000:]}")
        return done.stdout


def clean_environment() -> dict[str, str]:
    """Returns this process's environment without what would change what is imported or how it is set."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AUTOFLOW_", "PYTHON", "OTEL_"))
    }


def check_entry_points(extra: str, environment: Environment) -> None:
    """Starts what an extra is for.

    Args:
        extra: its name, or `base`.
        environment: where the wheel is installed with it.

    Raises:
        Failure: something does not start, or not as it should.
    """
    if extra in IMPORTS:
        environment.run("python", "-c", f"import {IMPORTS[extra]}")
    elif extra in SERVICES:
        check_service(extra, environment)
    elif extra == "training":
        check_worker(environment)
    elif extra == "cli":
        check_command(environment)
    elif extra == "all":
        check_command(environment)
        check_worker(environment)
        for name in SERVICES:
            check_service(name, environment)
    else:
        raise Failure("nobody has said what this extra is for: add it to scripts/entry_points.py")


def check_command(environment: Environment) -> None:
    """Asks `autoflow` for its help."""
    if "Usage: autoflow" not in (said := environment.run("autoflow", "--help")):
        raise Failure(f"autoflow --help: {said[-2000:]}")


def check_worker(environment: Environment) -> None:
    """Starts a worker without a run, which it refuses after everything that it imports is there."""
    said = environment.run("python", "-m", "autoflow_worker", status=2)
    if "usage: python -m autoflow_worker" not in said:
        raise Failure(f"python -m autoflow_worker: {said[-2000:]}")


def check_service(name: str, environment: Environment) -> None:
    """Serves a service, asks for its health, and asks it to end."""
    with socket.socket() as probe:
        # Someone else could take it before the service does, which would fail this check and hide nothing.
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [str(environment.scripts / "python"), "-m", f"autoflow_{name}"],
            cwd=environment.folder,
            env={**clean_environment(), **_settings(address, environment.folder)},
            stdout=log,
            stderr=log,
        )
        try:
            _await_health(address, process)
            process.terminate()
            if status := process.wait(STOPPING):
                raise Failure(f"status {status} after SIGTERM")
        except (Failure, subprocess.TimeoutExpired) as fault:
            log.seek(0)
            raise Failure(f"autoflow_{name}: {fault}: {log.read()[-2000:]}") from None
        finally:
            process.kill()
            process.wait()


def _settings(address: str, folder: Path) -> dict[str, str]:
    # The trainer must be told where the others are; it does not call them.
    others = {f"AUTOFLOW_{name.upper()}_ADDRESS": address for name in SERVICES}
    places = {"AUTOFLOW_ARTIFACTS": folder / "artifacts", "AUTOFLOW_TRAINER_DATA": folder / "trainer"}
    return {"AUTOFLOW_ADDRESS": address, **others, **{name: str(place) for name, place in places.items()}}


def _await_health(address: str, process: subprocess.Popen[bytes]) -> None:
    """Asks until the service answers, whatever it says: without a model, a generator need not serve."""
    end = time.monotonic() + STARTING
    with grpc.insecure_channel(address) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        while time.monotonic() < end:
            if process.poll() is not None:
                raise Failure(f"ended by itself with status {process.returncode}")
            try:
                stub.Check(health_pb2.HealthCheckRequest(), timeout=5, wait_for_ready=True)
            except grpc.RpcError:
                time.sleep(0.2)
            else:
                return
    raise Failure(f"no answer within {STARTING:g} s")
