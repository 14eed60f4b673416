"""How a server ends."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from autoflow.client import Client, ClientSettings, RetrySettings
from autoflow.client import errors as client_errors
from autoflow.server import Listener, ServerSettings, Service, serve
from autoflow.testing import scripted_scorer
from autoflow.v1.scorer_service_pb2 import ScoreOutputsRequest, ScoreOutputsResponse

ANY_PORT = "127.0.0.1:0"
HASTY = ClientSettings(retry=RetrySettings(attempts=2, initial_backoff=0.01, max_backoff=0.01))
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
PROCESS = Path(__file__).parent / "slow_service.py"
LONG = 60.0
"""Seconds after which a test that hangs is to fail."""


class Slow:
    """A service whose calls end when they are let go."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.release = asyncio.Event()
        self.events: list[str] = []

    async def score(self, _: ScoreOutputsRequest) -> ScoreOutputsResponse:
        self.entered.set()
        try:
            await self.release.wait()
        except asyncio.CancelledError:
            self.events.append("cancelled")
            raise
        self.events.append("answered")
        return ScoreOutputsResponse()

    async def stop(self) -> None:
        self.events.append("stopped")

    def service(self) -> Service:
        return Service("scorer", (scripted_scorer(self.score),), stop=self.stop)


async def reaches(status: int, address: str) -> None:
    """Returns when the server's health is this."""
    async with grpc.aio.insecure_channel(address) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        request = health_pb2.HealthCheckRequest()
        async for response in stub.Watch(request, timeout=LONG, wait_for_ready=True):
            if response.status == status:
                return


async def test_a_drain_waits_for_calls_in_flight_and_refuses_new_ones(
    score_request: ScoreOutputsRequest,
) -> None:
    slow = Slow()
    server = await serve(slow.service())
    async with (
        Client(scorer=server.address) as client,
        Client(scorer=server.address, settings=HASTY) as latecomer,
    ):
        call = asyncio.create_task(client.scorer.score_outputs(score_request))
        await slow.entered.wait()
        stopping = asyncio.create_task(server.stop(grace=LONG))
        await reaches(NOT_SERVING, server.address)
        with pytest.raises(client_errors.Unavailable, match="the service is stopping"):
            await latecomer.scorer.score_outputs(score_request)
        slow.release.set()
        assert await call == ScoreOutputsResponse()
        await stopping

    assert slow.events[-2:] == ["answered", "stopped"]


async def test_calls_that_do_not_end_in_time_are_cancelled(score_request: ScoreOutputsRequest) -> None:
    slow = Slow()
    server = await serve(slow.service())
    async with Client(scorer=server.address, settings=HASTY) as client:
        call = asyncio.create_task(client.scorer.score_outputs(score_request))
        await slow.entered.wait()
        await server.stop(grace=0.01)
        with pytest.raises(client_errors.RpcError):
            await call

    assert slow.events == ["cancelled", "stopped"]


async def test_stopping_twice_stops_once() -> None:
    slow = Slow()
    server = await serve(slow.service())
    await asyncio.gather(server.stop(grace=0), server.stop(grace=0))

    assert slow.events == ["stopped"]


async def test_a_start_that_fails_stops_the_service_and_frees_the_port() -> None:
    slow = Slow()

    async def start() -> None:
        raise ConnectionError("no database")

    listener = Listener(ServerSettings(address=ANY_PORT))
    failing = Service("scorer", slow.service().endpoints, start=start, stop=slow.stop)
    with pytest.raises(ConnectionError, match="no database"):
        await listener.serve(failing)

    assert slow.events == ["stopped"]
    async with await serve(slow.service(), ServerSettings(address=listener.address)) as server:
        assert server.address == listener.address


async def test_a_start_that_is_cancelled_stops_the_service() -> None:
    slow, entered = Slow(), asyncio.Event()

    async def start() -> None:
        entered.set()
        await asyncio.Event().wait()

    starting = asyncio.create_task(
        serve(Service("scorer", slow.service().endpoints, start=start, stop=slow.stop))
    )
    await entered.wait()
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting

    assert slow.events == ["stopped"]


async def test_a_taken_port_is_an_error() -> None:
    async with await serve(Slow().service()) as server:
        with pytest.raises(OSError, match=f"cannot listen on {server.address}"):
            await serve(Slow().service(), ServerSettings(address=server.address))


async def free_address() -> str:
    listener = Listener(ServerSettings(address=ANY_PORT))
    await listener.close()
    return listener.address


async def test_a_process_ends_its_calls_after_sigterm(score_request: ScoreOutputsRequest) -> None:
    address = await free_address()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(PROCESS),
        env={"AUTOFLOW_ADDRESS": address},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(LONG):
            await reaches(SERVING, address)
            async with Client(scorer=address) as client:
                call = asyncio.create_task(client.scorer.score_outputs(score_request))
                assert process.stdout is not None
                assert await process.stdout.readline() == b"entered\n"
                process.send_signal(signal.SIGTERM)
                assert await call == ScoreOutputsResponse()
            _, logs = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()

    assert process.returncode == 0
    assert b'"stopped"' in logs


async def test_a_process_with_a_model_ends_without_a_complaint_of_its_extensions() -> None:
    address = await free_address()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "autoflow_generator",
        env={"AUTOFLOW_ADDRESS": address, "AUTOFLOW_LOG_LEVEL": "ERROR"},
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(LONG):
            await reaches(SERVING, address)
            process.send_signal(signal.SIGTERM)
            _, said = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()

    assert (process.returncode, said.decode()) == (0, "")


async def test_a_process_with_a_wrong_environment_says_so_and_ends() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(PROCESS),
        env={"AUTOFLOW_DRAIN_GRACE": "soon"},
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(LONG):
        _, said = await process.communicate()

    assert process.returncode == 2
    assert said.decode() == "AUTOFLOW_DRAIN_GRACE cannot be read as a number\n"
