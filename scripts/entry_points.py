"""An environment of its own, and whether what one extra is for works in it.

What is started sees neither the checkout nor the caller's AutoFlow settings. A service must say by
grpc.health.v1 that it is SERVING, under its own name, and then end on SIGTERM, with status 0. A driver is put
to use by a program of `scripts/checks`; what it calls is on this machine and ends with the check.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from moto.server import ThreadedMotoServer

from autoflow.testing import ScriptedEndpoint

SERVICES = {
    "experts": "autoflow.v1.ToolService",
    "generator": "autoflow.v1.GeneratorService",
    "interpreter": "autoflow.v1.InterpreterService",
    "scorer": "autoflow.v1.ScorerService",
    "trainer": "autoflow.v1.TrainerService",
}
"""Extra to the full name of the service that it starts."""
PROGRAMS = Path(__file__).with_name("checks")
STARTING = 60.0
"""Seconds that a service has to serve, and a command to end."""
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

    def run_program(self, name: str, *arguments: str) -> None:
        """Runs one of `PROGRAMS` to its end; as `run`."""
        # Without the folder of the program on its path.
        self.run("python", "-P", str(PROGRAMS / f"{name}.py"), *arguments)

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
    """Uses what an extra brings for what it is for.

    Args:
        extra: its name, or `base`; `all` is everything.
        environment: where the wheel is installed with it.

    Raises:
        Failure: something does not start, or not as it should.
    """
    checks = _checks()
    if extra == "all":
        environment.run_program("engine")
        for check in checks.values():
            check(environment)
    elif extra in checks:
        checks[extra](environment)
    else:
        raise Failure("nobody has said what this extra is for: add it to scripts/entry_points.py")


def _checks() -> Mapping[str, Callable[[Environment], None]]:
    programs = ("base", "server", "postgres", "scenes", "local")
    return {
        **{name: partial(_run_program, name) for name in programs},
        **{name: partial(check_service, name) for name in SERVICES},
        "endpoints": check_endpoints,
        "experts-pretrained": partial(_run_program, "experts_pretrained"),
        "scorer": check_scorer,
        "mcp": partial(_run_program, "mcp_servers"),
        "s3": check_s3,
        "telemetry": check_telemetry,
        "training": check_worker,
        "cli": check_command,
    }


def check_scorer(environment: Environment) -> None:
    """Serves the scorer, and scores with each of the shipped models."""
    check_service("scorer", environment)
    environment.run_program("scorer")


def _run_program(name: str, environment: Environment) -> None:
    environment.run_program(name)


def check_endpoints(environment: Environment) -> None:
    """Completes a prompt at an endpoint of this process."""

    async def check() -> None:
        answer = "As it was said."
        async with ScriptedEndpoint.serving(lambda _: answer) as endpoint:
            await asyncio.to_thread(environment.run_program, "endpoints", endpoint.base_url, answer)

    asyncio.run(check())


def check_s3(environment: Environment) -> None:
    """Stores and reads an artifact in a store of this process."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        environment.run_program("s3", f"http://{host}:{port}")
    finally:
        server.stop()


def check_telemetry(environment: Environment) -> None:
    """Makes a span and reads the metrics."""
    environment.run_program("telemetry", str(_free_port()))


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
    """Serves a service, waits until it says that it is serving, and asks it to end."""
    address = f"127.0.0.1:{_free_port()}"
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [str(environment.scripts / "python"), "-m", f"autoflow_{name}"],
            cwd=environment.folder,
            env={**clean_environment(), **_settings(address, environment.folder)},
            stdout=log,
            stderr=log,
        )
        try:
            _await_serving(address, SERVICES[name], process)
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


def _free_port() -> int:
    with socket.socket() as probe:
        # Someone else could take it before it is used, which would fail the check and hide nothing.
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _await_serving(address: str, service: str, process: subprocess.Popen[bytes]) -> None:
    """Asks until the service says that it serves; a model that is to be preloaded takes its time."""
    last = "no answer"
    end = time.monotonic() + STARTING
    with grpc.insecure_channel(address) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        while time.monotonic() < end:
            if process.poll() is not None:
                raise Failure(f"ended by itself with status {process.returncode}")
            try:
                answer = stub.Check(
                    health_pb2.HealthCheckRequest(service=service), timeout=5, wait_for_ready=True
                )
            except grpc.RpcError as error:
                last = error.code().name
            else:
                last = health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)
                if last == "SERVING":
                    return
            time.sleep(0.2)
    raise Failure(f"not serving {service} within {STARTING:g} s: {last}")
