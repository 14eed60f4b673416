"""The client without an event loop, against real servers in another thread."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest

from autoflow import errors
from autoflow.client import (
    Client,
    ClientSettings,
    GeneratorClient,
    InterpreterClient,
    RetrySettings,
    ScorerClient,
    SyncClient,
    ToolClient,
    TrainerClient,
)
from autoflow.client import errors as client_errors
from autoflow.client.sync import SyncGenerator, SyncInterpreter, SyncScorer, SyncTools, SyncTrainer
from autoflow.server import Service
from autoflow.testing import scripted_interpreter, scripted_scorer, serving
from autoflow.v1.interpreter_service_pb2 import ExecuteWorkflowRequest, ExecutionEvent
from autoflow.v1.scorer_service_pb2 import MetricScores, ScoreOutputsRequest, ScoreOutputsResponse
from tests.client.test_client import EXECUTE, SCORE

R = TypeVar("R")
_HASTY = ClientSettings(retry=RetrySettings(attempts=2, initial_backoff=0.01, max_backoff=0.01))
_ANSWER = ScoreOutputsResponse(scores=[MetricScores(metric="plan_f1", values=[1.0])])


async def _beside(service: Service, name: str, use: Callable[[SyncClient], R]) -> R:
    """What a program without an event loop does with a service that runs in this one."""

    def program(address: str) -> R:
        with SyncClient(settings=_HASTY, **{name: address}) as client:
            return use(client)

    async with serving(service) as address:
        return await asyncio.to_thread(program, address)


def _scorer(score: Callable[[ScoreOutputsRequest], Awaitable[ScoreOutputsResponse]]) -> Service:
    return Service("scorer", (scripted_scorer(score),))


async def _right(_: ScoreOutputsRequest) -> ScoreOutputsResponse:
    return _ANSWER


async def test_an_answer_is_returned() -> None:
    assert await _beside(_scorer(_right), "scorer", lambda c: c.scorer.score_outputs(SCORE)) == _ANSWER


async def test_threads_share_a_client() -> None:
    def use(client: SyncClient) -> list[ScoreOutputsResponse]:
        with ThreadPoolExecutor(8) as threads:
            return list(threads.map(client.scorer.score_outputs, [SCORE] * 32))

    assert await _beside(_scorer(_right), "scorer", use) == [_ANSWER] * 32


async def test_errors_are_those_of_the_client() -> None:
    async def refuse(_: ScoreOutputsRequest) -> ScoreOutputsResponse:
        raise errors.InvalidArgument("metrics[0]", "no such metric")

    def use(client: SyncClient) -> None:
        with pytest.raises(client_errors.InvalidArgument) as caught:
            client.scorer.score_outputs(SCORE)
        assert [found.field for found in caught.value.details.violations] == ["metrics[0]"]
        assert caught.value.details.request_id

    await _beside(_scorer(refuse), "scorer", use)


async def test_deadlines_are_kept() -> None:
    async def never(_: ScoreOutputsRequest) -> ScoreOutputsResponse:
        await asyncio.Event().wait()
        return _ANSWER

    def use(client: SyncClient) -> None:
        with pytest.raises(client_errors.DeadlineExceeded):
            client.scorer.score_outputs(SCORE, timeout=0.1)

    await _beside(_scorer(never), "scorer", use)


async def test_a_stream_is_an_iterator_and_closing_it_cancels_the_call() -> None:
    cancelled = asyncio.Event()

    async def execute(_: ExecuteWorkflowRequest) -> AsyncGenerator[ExecutionEvent]:
        try:
            yield ExecutionEvent(sequence=0)
            yield ExecutionEvent(sequence=1)
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    def use(client: SyncClient) -> list[int]:
        events = client.interpreter.execute_workflow(EXECUTE)
        found = [next(events).sequence, next(events).sequence]
        events.close()
        return found

    service = Service("interpreter", (scripted_interpreter(execute),))
    async with asyncio.timeout(30):
        assert await _beside(service, "interpreter", use) == [0, 1]
        await cancelled.wait()


async def test_a_stream_ends() -> None:
    async def execute(_: ExecuteWorkflowRequest) -> AsyncGenerator[ExecutionEvent]:
        yield ExecutionEvent(sequence=0)

    service = Service("interpreter", (scripted_interpreter(execute),))
    found = await _beside(service, "interpreter", lambda c: list(c.interpreter.execute_workflow(EXECUTE)))
    assert [event.sequence for event in found] == [0]


def test_a_closed_client_says_so_and_leaves_no_thread() -> None:
    before = threading.active_count()
    client = SyncClient(scorer="127.0.0.1:1")
    scorer = client.scorer
    client.close()
    client.close()

    with pytest.raises(RuntimeError, match="the client is closed"):
        scorer.score_outputs(SCORE)
    assert threading.active_count() == before


def test_a_service_without_address_is_named() -> None:
    with SyncClient() as client, pytest.raises(ValueError, match="no address of the trainer"):
        _ = client.trainer


@pytest.mark.parametrize(
    ("face", "client"),
    [
        (SyncGenerator, GeneratorClient),
        (SyncInterpreter, InterpreterClient),
        (SyncScorer, ScorerClient),
        (SyncTrainer, TrainerClient),
        (SyncTools, ToolClient),
        (SyncClient, Client),
    ],
)
def test_nothing_is_missing(face: type, client: type) -> None:
    def names(of: type) -> set[str]:
        return {name for name, _ in inspect.getmembers_static(of) if not name.startswith("_")} - {"of"}

    assert names(face) == names(client)
