"""Streams of requests: what happens around every other call happens around them, and to each request."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import grpc
import pytest

from autoflow.client import Client, ClientSettings, RetrySettings, errors
from autoflow.server import ServerSettings
from autoflow.testing import serving
from autoflow.v1.trainer_service_pb2 import CreateSuiteRequest
from autoflow.v1.trainer_service_pb2_grpc import TrainerServiceStub
from tests.server.taker import Taker, request

LONG = 30.0
"""Seconds after which a test that hangs is to fail."""
ANY_PORT = "127.0.0.1:0"
HASTY = ClientSettings(retry=RetrySettings(attempts=2, initial_backoff=0.01, max_backoff=0.01))


async def test_every_request_of_a_stream_is_validated() -> None:
    taker = Taker()
    async with serving(taker.service) as address, Client(trainer=address) as client:
        answer = await client.trainer.create_suite([request()] * 3)
        with pytest.raises(errors.InvalidArgument) as refused:
            await client.trainer.create_suite([request(), request(""), request()])

    assert answer.suite.train_tasks == 3
    assert [violation.field for violation in refused.value.details.violations] == ["task.query"]
    assert taker.taken == 4


async def test_one_request_of_a_stream_that_is_too_large_ends_it() -> None:
    taker = Taker()
    settings = ServerSettings(ANY_PORT, max_message_bytes=1000)
    async with serving(taker.service, settings) as address, Client(trainer=address) as client:
        assert (await client.trainer.create_suite([request("a" * 500)] * 9)).suite.train_tasks == 9
        with pytest.raises(errors.ResourceExhausted, match="1,000 are allowed"):
            await client.trainer.create_suite([request(), request("a" * 1500)])


async def test_an_upload_without_a_deadline_has_that_of_streams() -> None:
    taker = Taker()
    settings = ServerSettings(ANY_PORT, stream_deadline=0.2)
    async with serving(taker.service, settings) as address, grpc.aio.insecure_channel(address) as channel:
        call = TrainerServiceStub(channel).CreateSuite()
        await call.write(request())
        with pytest.raises(grpc.aio.AioRpcError, match=r"longer than 0\.2 s"):
            async with asyncio.timeout(LONG):
                await call
        assert taker.cancelled.is_set()


async def test_an_upload_is_a_stream_among_those_that_are_admitted() -> None:
    taker, go_on = Taker(), threading.Event()

    def waiting() -> Iterator[CreateSuiteRequest]:
        yield request()
        go_on.wait(LONG)

    settings = ServerSettings(ANY_PORT, max_concurrent_streams=1)
    async with (
        serving(taker.service, settings) as address,
        Client(trainer=address, settings=HASTY) as client,
    ):
        first = asyncio.create_task(client.trainer.create_suite(waiting()))
        try:
            await asyncio.to_thread(taker.took.wait, LONG)
            with pytest.raises(errors.ResourceExhausted, match="1 streams are under way"):
                await client.trainer.create_suite([request()])
        finally:
            go_on.set()
        assert (await first).suite.train_tasks == 1


async def test_a_caller_who_breaks_off_ends_the_handler() -> None:
    taker = Taker()

    def breaking() -> Iterator[CreateSuiteRequest]:
        yield request()
        taker.took.wait(LONG)
        raise OSError("the disk is gone")

    async with serving(taker.service) as address, Client(trainer=address) as client:
        with pytest.raises(OSError, match="the disk is gone"):
            await client.trainer.create_suite(breaking())
        async with asyncio.timeout(LONG):
            await taker.cancelled.wait()
