"""Calls with a stream of requests: they end when the server, the deadline or the requests say so."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Iterator

import pytest

from autoflow import errors
from autoflow.client import Client, ClientSettings, RetrySettings, SyncClient
from autoflow.client import errors as client_errors
from autoflow.testing import serving
from autoflow.v1.trainer_service_pb2 import CreateSuiteRequest
from tests.server.taker import Taker, request

LONG = 30.0
"""Seconds after which a test that hangs is to fail."""
HASTY = ClientSettings(retry=RetrySettings(attempts=3, initial_backoff=0.01, max_backoff=0.01))


async def test_a_small_upload_is_repeated_by_the_channel() -> None:
    taker = Taker(errors.Unavailable("later"), errors.Unavailable("later"))
    async with serving(taker.service) as address, Client(trainer=address, settings=HASTY) as client:
        answer = await client.trainer.create_suite([request()] * 5)

    assert (answer.suite.train_tasks, taker.calls) == (5, 3)


async def test_an_answer_that_comes_early_is_the_answer() -> None:
    def slow() -> Iterator[CreateSuiteRequest]:
        for place in range(6):
            # The refusal comes between two requests, or while one is sent.
            time.sleep(place * 0.0005)
            yield request("" if place == 1 else "Why?")

    async with serving(Taker().service) as address, Client(trainer=address) as client:
        for _ in range(50):
            with pytest.raises(client_errors.InvalidArgument, match=r"task\.query"):
                await client.trainer.create_suite(slow())


async def test_the_deadline_holds_though_no_request_comes() -> None:
    stuck = threading.Event()

    def sticking() -> Iterator[CreateSuiteRequest]:
        yield request()
        stuck.wait(LONG)

    async with serving(Taker().service) as address, Client(trainer=address) as client:
        try:
            with pytest.raises(client_errors.DeadlineExceeded):
                async with asyncio.timeout(LONG):
                    await client.trainer.create_suite(sticking(), timeout=0.1)
        finally:
            stuck.set()


async def test_plain_programs_upload_too() -> None:
    async with serving(Taker().service) as address:

        def create() -> int:
            with SyncClient(trainer=address) as client:
                return client.trainer.create_suite(iter([request()] * 4)).suite.train_tasks

        assert await asyncio.to_thread(create) == 4


async def test_a_request_that_goes_wrong_after_a_cancellation_concerns_nobody() -> None:
    taking, go_on, gone = threading.Event(), threading.Event(), threading.Event()
    told: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["message"]))

    def breaking() -> Iterator[CreateSuiteRequest]:
        yield request()
        taking.set()
        go_on.wait(LONG)
        gone.set()
        raise OSError("the disk is gone")

    async with serving(Taker().service) as address, Client(trainer=address) as client:
        upload = asyncio.create_task(client.trainer.create_suite(breaking()))
        try:
            await asyncio.to_thread(taking.wait, LONG)
            upload.cancel()
            with pytest.raises(asyncio.CancelledError):
                await upload
        finally:
            go_on.set()
        await asyncio.to_thread(gone.wait, LONG)
    # The thread's word reaches the loop.
    await asyncio.get_running_loop().shutdown_default_executor()
    del upload
    gc.collect()
    assert told == []
