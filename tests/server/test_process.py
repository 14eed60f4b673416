"""How a service's process says that it cannot start."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.cli.harness import Finished, environment, finish

SCORER = str(Path(__file__).parent / "slow_service.py")
RAISES = """
from autoflow.llm import ModelUnavailable
from autoflow.server import Service, main
from autoflow.settings import SettingsError

async def start():
    raise {error}

main(lambda _: Service("scorer", (), start))
"""


async def run(*command: str, env: Mapping[str, str]) -> Finished:
    """Runs a service to its end, without its logs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        env=environment({"AUTOFLOW_ADDRESS": "127.0.0.1:0", "AUTOFLOW_LOG_LEVEL": "ERROR", **env}),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    return await finish(process)


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which another program listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        ("SettingsError('AUTOFLOW_X is wrong')", 2, "AUTOFLOW_X is wrong"),
        ("ModelUnavailable('no weights:\\n gone')", 3, "no weights: gone"),
        ("TimeoutError", 3, "TimeoutError"),
    ],
)
async def test_a_start_that_misses_something_says_what(error: str, code: int, said: str) -> None:
    ended = await run("-c", RAISES.format(error=error), env={})

    assert (ended.code, ended.err) == (code, f"{said}\n")


async def test_a_fault_of_the_code_shows_where_it_is() -> None:
    ended = await run("-c", RAISES.format(error="RuntimeError('a fault')"), env={})

    assert ended.code == 1
    assert ended.err.startswith("Traceback")
    assert ended.err.endswith("RuntimeError: a fault\n")


async def test_an_address_that_is_taken_is_named(taken: int) -> None:
    ended = await run(SCORER, env={"AUTOFLOW_ADDRESS": f"127.0.0.1:{taken}"})

    assert ended.code == 3
    # gRPC's own log may stand before it.
    assert ended.error == f"cannot listen on 127.0.0.1:{taken}"


async def test_a_port_of_metrics_that_is_taken_is_named(taken: int) -> None:
    env = {
        "OTEL_METRICS_EXPORTER": "prometheus",
        "OTEL_EXPORTER_PROMETHEUS_HOST": "127.0.0.1",
        "OTEL_EXPORTER_PROMETHEUS_PORT": str(taken),
    }

    ended = await run(SCORER, env=env)

    assert ended.code == 3
    assert ended.err.startswith(f"cannot serve metrics on 127.0.0.1:{taken}: ")
    assert ended.err.count("\n") == 1


async def test_a_database_that_is_damaged_is_named_in_a_line(tmp_path: Path) -> None:
    file = tmp_path / "trainer.db"
    file.write_bytes(b"no database at all" * 1000)
    services = ("GENERATOR", "INTERPRETER", "SCORER", "TRAINER")
    env = {
        **{f"AUTOFLOW_{name}_ADDRESS": "127.0.0.1:1" for name in services},
        "AUTOFLOW_ARTIFACTS": str(tmp_path / "artifacts"),
        "AUTOFLOW_TRAINER_DATA": str(tmp_path),
    }

    for command in ("-m", "autoflow_trainer"), ("-m", "autoflow_trainer", "migrate"):
        ended = await run(*command, env=env)

        assert ended.code == 3
        assert ended.err.startswith(f"{file} is damaged, or is no SQLite database; ")
        assert ended.err.count("\n") == 1


async def test_a_database_that_is_away_is_told_in_a_line_without_its_password(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        nobody = listening.getsockname()[1]
    services = ("GENERATOR", "INTERPRETER", "SCORER", "TRAINER")
    env = {
        **{f"AUTOFLOW_{name}_ADDRESS": "127.0.0.1:1" for name in services},
        "AUTOFLOW_ARTIFACTS": str(tmp_path / "artifacts"),
        "AUTOFLOW_TRAINER_DATA": str(tmp_path),
        "AUTOFLOW_DATABASE_URL": f"postgresql+psycopg://user:secret@127.0.0.1:{nobody}/runs",
    }

    ended = await run("-m", "autoflow_trainer", env=env)

    assert ended.code == 3
    assert ended.err == "the database cannot be reached, or is too busy; try again\n"
