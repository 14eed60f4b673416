"""Following a run across streams that end before it does, against a real server that ends them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any, TypeAlias

import grpc
import pytest

from autoflow.cli.runs.follow import Update, follow
from autoflow.client import Client, ClientSettings, RetrySettings, TrainerClient
from autoflow.client.errors import Unavailable
from autoflow.client.trainer import FULL_NAME
from autoflow.errors import Unavailable as UnavailableHere
from autoflow.server import Endpoint, Service
from autoflow.testing import serving
from autoflow.v1 import run_pb2
from autoflow.v1.trainer_service_pb2 import WatchRunRequest, WatchRunResponse
from tests.cli.messages import iterations

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
Script: TypeAlias = Sequence[run_pb2.Run | Exception]

RUNNING, SUCCEEDED = run_pb2.RUN_STATE_RUNNING, run_pb2.RUN_STATE_SUCCEEDED


class Streams:
    """Answers every WatchRun with the next of some scripts: runs to send, and an error to end with."""

    def __init__(self, *scripts: Script) -> None:
        self._scripts = iter(scripts)
        self.asked: list[int] = []

    def register(self, server: grpc.aio.Server) -> None:
        handler = grpc.unary_stream_rpc_method_handler(
            self._watch_run, WatchRunRequest.FromString, WatchRunResponse.SerializeToString
        )
        methods = grpc.method_handlers_generic_handler(FULL_NAME, {"WatchRun": handler})
        server.add_generic_rpc_handlers((methods,))

    async def _watch_run(self, request: WatchRunRequest, context: Context) -> AsyncIterator[WatchRunResponse]:
        self.asked.append(request.after_iterations)
        for item in next(self._scripts, []):
            if isinstance(item, Exception):
                raise item
            yield WatchRunResponse(run=item)


@asynccontextmanager
async def answering(streams: Streams) -> AsyncIterator[TrainerClient]:
    service = Service(name="trainer", endpoints=(Endpoint(FULL_NAME, streams.register),))
    once = ClientSettings(retry=RetrySettings(attempts=2, initial_backoff=0.01, max_backoff=0.01))
    async with serving(service) as address, Client(trainer=address, settings=once) as client:
        yield client.trainer


async def seen(trainer: TrainerClient) -> list[Update]:
    async with aclosing(follow(trainer, "runs/a", pause=0.01)) as updates:
        return [update async for update in updates]


def run(state: run_pb2.RunState.ValueType, *fresh: run_pb2.Iteration) -> run_pb2.Run:
    return run_pb2.Run(name="runs/a", state=state, iterations=fresh)


async def test_a_stream_that_ends_early_is_followed_by_another_from_where_it_ended() -> None:
    first, second, third = iterations(3)
    streams = Streams(
        [run(RUNNING, first), run(RUNNING, second)],
        [run(RUNNING), UnavailableHere("restarting")],
        [run(SUCCEEDED, third)],
    )
    async with answering(streams) as trainer:
        updates = await seen(trainer)
    assert streams.asked == [0, 2, 2]
    assert [[iteration.index for iteration in update.fresh] for update in updates] == [[0], [1], [], [2]]
    assert [len(update.run.iterations) for update in updates] == [1, 2, 2, 3]
    assert [update.final for update in updates] == [False, False, False, True]


async def test_nothing_is_asked_after_the_end() -> None:
    streams = Streams([run(SUCCEEDED), run(SUCCEEDED)])
    async with answering(streams) as trainer:
        assert len(await seen(trainer)) == 1


async def test_a_trainer_that_never_answered_is_not_waited_for() -> None:
    streams = Streams(*[(UnavailableHere("no"),)] * 20)
    async with answering(streams) as trainer:
        with pytest.raises(Unavailable):
            await seen(trainer)
    # The channel's own attempts.
    assert len(streams.asked) <= 2


async def test_a_trainer_that_ends_stream_after_stream_is_given_up() -> None:
    streams = Streams([run(RUNNING)])
    async with answering(streams) as trainer:
        with pytest.raises(TimeoutError, match="keeps ending the stream of runs/a"):
            await seen(trainer)
    # Five in a row without a word, after the one that had one.
    assert len(streams.asked) == 6
