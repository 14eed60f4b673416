"""Limits: streams, sizes, silent connections, and what may be logged; cancellation down to the model."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import grpc
import pytest

from autoflow.client import Client, ClientSettings, RetrySettings
from autoflow.client import errors as client_errors
from autoflow.server import ServerSettings, Service
from autoflow.server.messages import READ_FACTOR
from autoflow.settings import SettingsError, from_env
from autoflow.testing import GatedModel, catalogue_of, scripted_interpreter, scripted_scorer, serving
from autoflow.v1.interpreter_service_pb2 import ExecuteWorkflowRequest, ExecutionEvent, StepStarted
from autoflow.v1.scorer_service_pb2 import MetricScores, ScoreOutputsRequest, ScoreOutputsResponse
from autoflow_interpreter.service import build
from tests.wire import Wire

ANY_PORT = "127.0.0.1:0"
HASTY = ClientSettings(retry=RetrySettings(attempts=2, initial_backoff=0.01, max_backoff=0.01))
LONG = 30.0
"""Seconds after which a test that hangs is to fail."""


class Endless:
    """A stream that does not end by itself."""

    def __init__(self) -> None:
        self.cancelled = asyncio.Event()

    async def execute(self, _: ExecuteWorkflowRequest) -> AsyncGenerator[ExecutionEvent]:
        yield ExecutionEvent(sequence=0)
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled.set()


async def test_one_stream_too_many_is_refused_and_short_calls_go_on(
    execute_request: ExecuteWorkflowRequest, score_request: ScoreOutputsRequest
) -> None:
    async def score(_: ScoreOutputsRequest) -> ScoreOutputsResponse:
        return ScoreOutputsResponse()

    settings = ServerSettings(ANY_PORT, max_concurrent_streams=1)
    service = Service("both", (scripted_interpreter(Endless().execute), scripted_scorer(score)))
    async with (
        serving(service, settings) as address,
        Client(interpreter=address, scorer=address, settings=HASTY) as client,
    ):
        first = client.interpreter.execute_workflow(execute_request)
        await anext(first)
        with pytest.raises(client_errors.ResourceExhausted) as caught:
            await anext(client.interpreter.execute_workflow(execute_request))
        assert await client.scorer.score_outputs(score_request) == ScoreOutputsResponse()
        await first.aclose()

    assert caught.value.details.retry_after == 1.0
    assert "streams" in caught.value.message


LIMIT = 4000
"""Bytes of a message."""


class Replying:
    """A scorer whose answers have so many bytes, and a few more."""

    def __init__(self, size: int = 0) -> None:
        self._answer = ScoreOutputsResponse(scores=[MetricScores(metric="x" * size)])
        self.calls = 0

    async def score(self, _: ScoreOutputsRequest) -> ScoreOutputsResponse:
        self.calls += 1
        return self._answer

    async def execute(self, _: ExecuteWorkflowRequest) -> AsyncGenerator[ExecutionEvent]:
        self.calls += 1
        yield ExecutionEvent(sequence=0)
        yield ExecutionEvent(step_started=StepStarted(step="x" * LIMIT))


@asynccontextmanager
async def limited(replying: Replying) -> AsyncIterator[Client]:
    service = Service("both", (scripted_interpreter(replying.execute), scripted_scorer(replying.score)))
    settings = ServerSettings(ANY_PORT, max_message_bytes=LIMIT)
    async with (
        serving(service, settings) as address,
        Client(interpreter=address, scorer=address, settings=HASTY) as client,
    ):
        yield client


async def test_a_request_of_the_limit_is_answered_and_one_byte_more_is_not(
    score_request: ScoreOutputsRequest, caplog: pytest.LogCaptureFixture
) -> None:
    score_request.pairs[0].output.text = "x" * 1000
    score_request.pairs[0].output.text += "x" * (LIMIT - score_request.ByteSize())
    replying = Replying()
    async with limited(replying) as client:
        await client.scorer.score_outputs(score_request)
        score_request.pairs[0].output.text += "x"
        with caplog.at_level(logging.INFO), pytest.raises(client_errors.ResourceExhausted) as caught:
            await client.scorer.score_outputs(score_request)

    assert replying.calls == 1
    assert caught.value.details.reason == "MESSAGE_TOO_LARGE"
    assert caught.value.message.startswith("the request has 4,001 bytes, and 4,000 are allowed")
    assert caught.value.details.retry_after is None
    # It would fail again, so the channel, which repeats such calls, was told not to.
    assert len([record for record in caplog.records if record.message == "call"]) == 1


async def test_a_request_far_past_the_limit_is_not_even_read(score_request: ScoreOutputsRequest) -> None:
    score_request.pairs[0].output.text = "x" * LIMIT * READ_FACTOR
    replying = Replying()
    async with limited(replying) as client:
        with pytest.raises(client_errors.ResourceExhausted, match="larger than max"):
            await client.scorer.score_outputs(score_request)

    assert not replying.calls


async def test_an_answer_that_is_too_large_is_not_sent(score_request: ScoreOutputsRequest) -> None:
    replying = Replying(LIMIT)
    async with limited(replying) as client:
        with pytest.raises(client_errors.ResourceExhausted, match="the answer has") as caught:
            await client.scorer.score_outputs(score_request)

    assert caught.value.details.reason == "MESSAGE_TOO_LARGE"
    assert replying.calls == 1


async def test_an_answer_of_a_stream_that_is_too_large_ends_it(
    execute_request: ExecuteWorkflowRequest,
) -> None:
    replying = Replying()
    async with limited(replying) as client:
        events = client.interpreter.execute_workflow(execute_request)
        assert (await anext(events)).sequence == 0
        with pytest.raises(client_errors.ResourceExhausted, match="the answer has"):
            await anext(events)


async def test_bytes_that_are_no_request_are_told_from_a_fault() -> None:
    replying = Replying()
    service = Service("scorer", (scripted_scorer(replying.score),))
    async with serving(service) as address, grpc.aio.insecure_channel(address) as channel:
        method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
            "/autoflow.v1.ScorerService/ScoreOutputs"
        )
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await method(b"\xff", timeout=LONG)

    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert not replying.calls


async def test_the_calls_of_a_client_that_went_silent_are_cancelled(
    execute_request: ExecuteWorkflowRequest,
) -> None:
    endless = Endless()
    settings = ServerSettings(ANY_PORT, keepalive=0.1, keepalive_timeout=0.1)
    async with serving(Service("interpreter", (scripted_interpreter(endless.execute),)), settings) as address:
        wire = Wire(address)
        async with wire.listening() as middle, Client(interpreter=middle) as client:
            events = client.interpreter.execute_workflow(execute_request)
            await anext(events)
            wire.frozen = True
            async with asyncio.timeout(LONG):
                await endless.cancelled.wait()
            await events.aclose()


@pytest.mark.parametrize("wanted", [False, True])
async def test_content_is_logged_only_where_it_is_wanted(
    wanted: bool, score_request: ScoreOutputsRequest, caplog: pytest.LogCaptureFixture
) -> None:
    async def score(_: ScoreOutputsRequest) -> ScoreOutputsResponse:
        return ScoreOutputsResponse()

    settings = ServerSettings(ANY_PORT, log_content=wanted)
    with caplog.at_level(logging.DEBUG):
        async with (
            serving(Service("scorer", (scripted_scorer(score),)), settings) as address,
            Client(scorer=address) as client,
        ):
            await client.scorer.score_outputs(score_request)

    told = {record.message: vars(record)["content"] for record in caplog.records if "content" in vars(record)}
    assert set(told) == ({"request", "answer"} if wanted else set())
    if wanted:
        assert json.loads(told["request"])["pairs"][0]["output"]["text"] == "a private text"


async def test_a_deadline_reaches_the_call_of_the_model(execute_request: ExecuteWorkflowRequest) -> None:
    model = GatedModel(lambda _: "an answer")
    execute_request.model.model = model.name
    async with (
        serving(build({}, catalogue_of(model))) as address,
        Client(interpreter=address) as client,
    ):
        with pytest.raises(client_errors.DeadlineExceeded):
            async for _ in client.interpreter.execute_workflow(execute_request, timeout=0.5):
                pass
        await model.until(calls=1, cancelled=1)

    assert model.cancelled == 1


async def test_a_cancellation_reaches_the_call_of_the_model(execute_request: ExecuteWorkflowRequest) -> None:
    model = GatedModel(lambda _: "an answer")
    execute_request.model.model = model.name
    async with (
        serving(build({}, catalogue_of(model))) as address,
        Client(interpreter=address) as client,
    ):
        events = client.interpreter.execute_workflow(execute_request)
        await anext(events)
        await model.until(calls=1)
        await events.aclose()
        await model.until(cancelled=1)

    assert model.cancelled == 1


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("AUTOFLOW_MAX_CONCURRENT_STREAMS", "0"),
        ("AUTOFLOW_MAX_MESSAGE_BYTES", "-1"),
        ("AUTOFLOW_MAX_MESSAGE_BYTES", str(2**31)),
        ("AUTOFLOW_KEEPALIVE", "0"),
        ("AUTOFLOW_UNARY_DEADLINE", "nan"),
        ("AUTOFLOW_LOG_LEVEL", "LOUD"),
    ],
)
def test_settings_that_cannot_work_are_refused(variable: str, value: str) -> None:
    with pytest.raises(SettingsError, match=variable):
        from_env(ServerSettings, {variable: value})
