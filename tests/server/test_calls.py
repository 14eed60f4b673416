"""What happens around a call: admission, deadlines, validation, cancellation, ids and logs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator

import grpc
import pytest

from autoflow.client import Client, ClientSettings, FieldViolation, RetrySettings
from autoflow.client import errors as client_errors
from autoflow.server import Listener, ServerSettings, Service
from autoflow.testing import scripted_interpreter, scripted_scorer, serving
from autoflow.v1.interpreter_service_pb2 import ExecuteWorkflowRequest, ExecutionEvent
from autoflow.v1.interpreter_service_pb2_grpc import InterpreterServiceStub
from autoflow.v1.scorer_service_pb2 import ScoreOutputsRequest, ScoreOutputsResponse
from autoflow.v1.scorer_service_pb2_grpc import ScorerServiceStub
from autoflow.v1.task_pb2 import Content

ANY_PORT = "127.0.0.1:0"
HASTY = ClientSettings(retry=RetrySettings(attempts=2, initial_backoff=0.01, max_backoff=0.01))
LONG = 30.0
"""Seconds after which a test that hangs is to fail."""


async def answer(_: ScoreOutputsRequest) -> ScoreOutputsResponse:
    return ScoreOutputsResponse()


class Stuck:
    """A handler that never ends by itself."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def score(self, _: ScoreOutputsRequest) -> ScoreOutputsResponse:
        await self._hang()
        return ScoreOutputsResponse()

    async def execute(self, _: ExecuteWorkflowRequest) -> AsyncGenerator[ExecutionEvent]:
        yield ExecutionEvent(sequence=0)
        await self._hang()

    async def _hang(self) -> None:
        self.entered.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise


async def within(event: asyncio.Event) -> None:
    async with asyncio.timeout(LONG):
        await event.wait()


async def test_a_request_that_breaks_the_contract_never_reaches_the_handler(
    score_request: ScoreOutputsRequest,
) -> None:
    reached = False

    async def score(_: ScoreOutputsRequest) -> ScoreOutputsResponse:
        nonlocal reached
        reached = True
        return ScoreOutputsResponse()

    score_request.pairs.add(output=Content(text="no reference"))
    score_request.pairs[0].plan.tools[0].name = "with, comma"
    async with (
        serving(Service("scorer", (scripted_scorer(score),))) as address,
        Client(scorer=address) as client,
    ):
        with pytest.raises(client_errors.InvalidArgument) as caught:
            await client.scorer.score_outputs(score_request)

    assert not reached
    assert {found.field for found in caught.value.details.violations} == {
        "pairs[0].plan.tools[0].name",
        "pairs[1].reference",
    }


async def test_a_request_of_a_stream_is_validated(execute_request: ExecuteWorkflowRequest) -> None:
    execute_request.query = ""
    async with (
        serving(Service("interpreter", (scripted_interpreter(Stuck().execute),))) as address,
        Client(interpreter=address) as client,
    ):
        with pytest.raises(client_errors.InvalidArgument) as caught:
            await anext(client.interpreter.execute_workflow(execute_request))

    assert caught.value.details.violations == (FieldViolation("query", "must be at least 1 characters"),)


async def test_cancelling_a_call_cancels_its_handler(score_request: ScoreOutputsRequest) -> None:
    stuck = Stuck()
    async with (
        serving(Service("scorer", (scripted_scorer(stuck.score),))) as address,
        Client(scorer=address) as client,
    ):
        call = asyncio.create_task(client.scorer.score_outputs(score_request))
        await within(stuck.entered)
        call.cancel()
        await within(stuck.cancelled)
        with pytest.raises(asyncio.CancelledError):
            await call
        assert stuck.cancelled.is_set()


async def test_closing_a_stream_cancels_its_handler(execute_request: ExecuteWorkflowRequest) -> None:
    stuck = Stuck()
    async with (
        serving(Service("interpreter", (scripted_interpreter(stuck.execute),))) as address,
        Client(interpreter=address) as client,
    ):
        events = client.interpreter.execute_workflow(execute_request)
        await anext(events)
        await within(stuck.entered)
        await events.aclose()
        await within(stuck.cancelled)
        assert stuck.cancelled.is_set()


async def test_a_stream_that_is_left_between_two_answers_is_closed(
    execute_request: ExecuteWorkflowRequest,
) -> None:
    closed = asyncio.Event()

    async def execute(_: ExecuteWorkflowRequest) -> AsyncGenerator[ExecutionEvent]:
        try:
            # Always ready: the handler is cancelled while it writes, not while it waits.
            while True:
                yield ExecutionEvent(sequence=0)
        finally:
            closed.set()

    async with (
        serving(Service("interpreter", (scripted_interpreter(execute),))) as address,
        Client(interpreter=address) as client,
    ):
        events = client.interpreter.execute_workflow(execute_request)
        await anext(events)
        await events.aclose()
        await within(closed)
        assert closed.is_set()


async def test_a_call_past_its_callers_deadline_is_cancelled(score_request: ScoreOutputsRequest) -> None:
    stuck = Stuck()
    async with (
        serving(Service("scorer", (scripted_scorer(stuck.score),))) as address,
        Client(scorer=address) as client,
    ):
        with pytest.raises(client_errors.DeadlineExceeded):
            await client.scorer.score_outputs(score_request, timeout=0.2)
        await within(stuck.cancelled)


async def test_a_call_without_deadline_gets_the_servers(score_request: ScoreOutputsRequest) -> None:
    settings = ServerSettings(address=ANY_PORT, unary_deadline=0.05)
    stuck = Stuck()
    async with (
        serving(Service("scorer", (scripted_scorer(stuck.score),)), settings) as address,
        grpc.aio.insecure_channel(address) as channel,
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await ScorerServiceStub(channel).ScoreOutputs(score_request)

    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert stuck.cancelled.is_set()


async def test_a_stream_without_deadline_gets_the_servers(execute_request: ExecuteWorkflowRequest) -> None:
    settings = ServerSettings(address=ANY_PORT, stream_deadline=0.05)
    stuck = Stuck()
    async with (
        serving(Service("interpreter", (scripted_interpreter(stuck.execute),)), settings) as address,
        grpc.aio.insecure_channel(address) as channel,
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            async for _ in InterpreterServiceStub(channel).ExecuteWorkflow(execute_request):
                pass

    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert stuck.cancelled.is_set()


async def test_a_timeout_of_the_handlers_own_is_a_fault_of_ours(score_request: ScoreOutputsRequest) -> None:
    async def score(_: ScoreOutputsRequest) -> ScoreOutputsResponse:
        raise TimeoutError

    async with (
        serving(Service("scorer", (scripted_scorer(score),))) as address,
        grpc.aio.insecure_channel(address) as channel,
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await ScorerServiceStub(channel).ScoreOutputs(score_request)

    assert caught.value.code() is grpc.StatusCode.INTERNAL


async def test_one_call_too_many_is_refused_and_the_others_go_on(score_request: ScoreOutputsRequest) -> None:
    entered, release = asyncio.Event(), asyncio.Event()

    async def score(_: ScoreOutputsRequest) -> ScoreOutputsResponse:
        entered.set()
        await release.wait()
        return ScoreOutputsResponse()

    settings = ServerSettings(address=ANY_PORT, max_concurrent_rpcs=1)
    async with (
        serving(Service("scorer", (scripted_scorer(score),)), settings) as address,
        Client(scorer=address, settings=HASTY) as client,
    ):
        first = asyncio.create_task(client.scorer.score_outputs(score_request))
        await within(entered)
        with pytest.raises(client_errors.ResourceExhausted) as caught:
            await client.scorer.score_outputs(score_request)
        release.set()

        assert await first == ScoreOutputsResponse()
        assert await client.scorer.score_outputs(score_request) == ScoreOutputsResponse()

    assert caught.value.details.retry_after is not None


async def test_calls_are_refused_until_the_service_has_started(score_request: ScoreOutputsRequest) -> None:
    release = asyncio.Event()

    async def start() -> None:
        await release.wait()

    listener = Listener(ServerSettings(address=ANY_PORT))
    service = Service("scorer", (scripted_scorer(answer),), start=start)
    async with (
        asyncio.TaskGroup() as group,
        Client(scorer=listener.address, settings=HASTY) as client,
    ):
        starting = group.create_task(listener.serve(service))
        with pytest.raises(client_errors.Unavailable):
            await client.scorer.score_outputs(score_request)
        release.set()
        async with await starting:
            assert await client.scorer.score_outputs(score_request) == ScoreOutputsResponse()


@pytest.mark.parametrize(
    ("given", "kept"), [("my-id.1", True), ("two words", False), ("x" * 129, False), ("", False)]
)
async def test_a_request_id_is_kept_if_it_is_harmless(
    given: str, kept: bool, score_request: ScoreOutputsRequest
) -> None:
    async with (
        serving(Service("scorer", (scripted_scorer(answer),))) as address,
        grpc.aio.insecure_channel(address) as channel,
    ):
        call = ScorerServiceStub(channel).ScoreOutputs(
            score_request, metadata=grpc.aio.Metadata(("x-request-id", given))
        )
        await call
        metadata = await call.trailing_metadata()

    assert (metadata["x-request-id"] == given) is kept
    assert metadata["x-request-id"]


async def test_the_log_has_the_code_and_not_the_content(
    score_request: ScoreOutputsRequest, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        async with (
            serving(Service("scorer", (scripted_scorer(answer),))) as address,
            Client(scorer=address) as client,
        ):
            await client.scorer.score_outputs(score_request)

    (record,) = [record for record in caplog.records if record.message == "call"]
    assert vars(record)["code"] == "OK"
    assert all("private" not in str(vars(record)) for record in caplog.records)


async def test_an_unknown_method_is_unimplemented(execute_request: ExecuteWorkflowRequest) -> None:
    async with (
        serving(Service("scorer", (scripted_scorer(answer),))) as address,
        Client(interpreter=address) as client,
    ):
        with pytest.raises(client_errors.Unimplemented):
            await anext(client.interpreter.execute_workflow(execute_request))
