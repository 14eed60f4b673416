"""`autoflow up` as a process: addresses, signals, ports."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
from pathlib import Path

import pytest

from autoflow.client import Client
from autoflow.v1.scorer_service_pb2 import ScoreOutputsRequest, ScorePair
from autoflow.v1.task_pb2 import Content
from autoflow.v1.trainer_service_pb2 import ListRunsRequest
from tests.cli.harness import DEADLINE, autoflow, finish, start

# The model takes seconds to load, so one test alone has it.
ENV = {"AUTOFLOW_PRELOAD_MODELS": "none"}


async def test_everything_is_up_and_drains_when_it_is_asked_to(tmp_path: Path) -> None:
    data = tmp_path / "data"
    process = await start("up", "--data", str(data), "--port", "0", "--json")
    assert process.stdout is not None
    async with asyncio.timeout(DEADLINE):
        told = json.loads(await process.stdout.readline())
    assert set(told) == {"services", "data", "log"}
    assert set(told["services"]) == {"generator", "interpreter", "scorer", "trainer", "experts"}
    assert (told["data"], told["log"]) == (str(data), str(data / "services.log"))
    async with Client(trainer=told["services"]["trainer"]) as client:
        assert not (await client.trainer.list_runs(ListRunsRequest())).runs
    process.send_signal(signal.SIGTERM)
    finished = await finish(process)
    # Nor do torch's extensions complain of what is left when the interpreter ends.
    assert (finished.code, finished.err) == (0, "")
    events = [json.loads(line)["event"] for line in (data / "services.log").read_text().splitlines()]
    assert events.count("serving") == events.count("stopped") == 5
    assert (data / "trainer" / "trainer.db").is_file()


async def test_the_addresses_are_shown_to_people_and_ctrl_c_is_a_proper_end(tmp_path: Path) -> None:
    process = await start("up", "--data", str(tmp_path), "--port", "0", "--verbose", env=ENV)
    assert process.stdout is not None
    async with asyncio.timeout(DEADLINE):
        lines = [(await process.stdout.readline()).decode().split() for _ in range(6)]
    assert [line[0] for line in lines] == ["generator", "interpreter", "scorer", "trainer", "experts", "data"]
    assert all(line[1].startswith("127.0.0.1:") for line in lines[:5])
    process.send_signal(signal.SIGINT)
    finished = await finish(process)
    assert finished.code == 0
    assert '"event": "serving"' in finished.err
    assert not (tmp_path / "services.log").exists()


def drains(log: Path) -> bool:
    return '"event": "draining"' in log.read_text()


async def test_a_second_signal_ends_the_process_without_a_word(tmp_path: Path) -> None:
    process = await start("up", "--data", str(tmp_path), "--port", "0", "--json", env=ENV)
    assert process.stdout is not None
    async with asyncio.timeout(DEADLINE):
        told = json.loads(await process.stdout.readline())
    async with Client(scorer=told["services"]["scorer"]) as client:
        # A call is under way, so that the drain does not end by itself.
        pair = ScorePair(output=Content(text="x " * 40_000), content=Content(text="y " * 40_000))
        request = ScoreOutputsRequest(pairs=[pair] * 64, metrics=["chrf"])
        call = asyncio.create_task(client.scorer.score_outputs(request, timeout=DEADLINE))
        await asyncio.sleep(0.5)
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(DEADLINE):
            while not drains(tmp_path / "services.log"):  # noqa: ASYNC110  # A file rings no bell.
                await asyncio.sleep(0.02)
        process.send_signal(signal.SIGINT)
        finished = await finish(process)
        await asyncio.gather(call, return_exceptions=True)
    assert (finished.code, finished.err) == (-signal.SIGINT, "")


async def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        if port > 65531:
            pytest.skip("the system chose a port that leaves no room for four more")
        finished = await autoflow("up", "--data", str(tmp_path), "--port", str(port), env=ENV)
    assert (finished.code, finished.out) == (3, "")
    assert finished.error == f"autoflow: cannot listen on 127.0.0.1:{port}"
