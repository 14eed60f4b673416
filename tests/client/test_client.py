"""The client against real servers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import Any

import grpc
import pytest

import autoflow.client
from autoflow import errors
from autoflow.client import Client, ClientSettings, RetrySettings
from autoflow.client import errors as client_errors
from autoflow.client.worker import RunWorkerClient
from autoflow.server import Endpoint, Listener, ServerSettings, Service
from autoflow.testing import scripted_interpreter, scripted_scorer, serving
from autoflow.v1.interpreter_service_pb2 import ExecuteWorkflowRequest, ExecutionEvent
from autoflow.v1.model_pb2 import ModelRef
from autoflow.v1.run_pb2 import METHOD_RLOO, Optimization, Run
from autoflow.v1.run_worker_service_pb2 import LeaseRunRequest, LeaseRunResponse
from autoflow.v1.run_worker_service_pb2_grpc import (
    RunWorkerServiceServicer,
    add_RunWorkerServiceServicer_to_server,
)
from autoflow.v1.scorer_service_pb2 import ScoreOutputsRequest, ScoreOutputsResponse, ScorePair
from autoflow.v1.task_pb2 import CONTENT_TYPE_IMAGE, CONTENT_TYPE_TEXT, Content, Plan, PlanReference, Tool
from autoflow.v1.trainer_service_pb2 import (
    CreateRunRequest,
    CreateRunResponse,
    WatchRunRequest,
    WatchRunResponse,
)
from autoflow.v1.trainer_service_pb2_grpc import TrainerServiceServicer, add_TrainerServiceServicer_to_server
from autoflow.v1.workflow_pb2 import Workflow
from tests.wire import Wire

Context = grpc.aio.ServicerContext
HASTY = ClientSettings(retry=RetrySettings(attempts=3, initial_backoff=0.01, max_backoff=0.01))
EXECUTE = ExecuteWorkflowRequest(
    workflow=Workflow(source="Step 1:::terminal:::Answer."), query="q", model=ModelRef(model="m")
)
SCORE = ScoreOutputsRequest(
    pairs=[
        ScorePair(
            output=Content(text="a text"),
            plan=PlanReference(
                tools=[Tool(name="Captioning", inputs=[CONTENT_TYPE_IMAGE], output=CONTENT_TYPE_TEXT)],
                inputs=[CONTENT_TYPE_IMAGE],
                output=CONTENT_TYPE_TEXT,
                accepted=[Plan(tools=["Captioning"])],
            ),
        )
    ],
    metrics=["plan_f1"],
)


class Failing:
    """A scorer that fails a number of times, then answers."""

    def __init__(self, times: int, error: Exception) -> None:
        self._times = times
        self._error = error
        self.calls = 0

    async def score(self, _: ScoreOutputsRequest) -> ScoreOutputsResponse:
        self.calls += 1
        if self.calls <= self._times:
            raise self._error
        return ScoreOutputsResponse()

    def service(self) -> Service:
        return Service("scorer", (scripted_scorer(self.score),))


@pytest.mark.parametrize("error", [errors.Unavailable("later"), errors.ResourceExhausted("later", 0.01)])
async def test_what_may_pass_is_tried_again(error: Exception) -> None:
    failing = Failing(2, error)
    async with serving(failing.service()) as address, Client(scorer=address, settings=HASTY) as client:
        assert await client.scorer.score_outputs(SCORE) == ScoreOutputsResponse()

    assert failing.calls == 3


async def test_trying_again_has_an_end() -> None:
    failing = Failing(100, errors.Unavailable("later"))
    async with serving(failing.service()) as address, Client(scorer=address, settings=HASTY) as client:
        with pytest.raises(client_errors.Unavailable, match="later"):
            await client.scorer.score_outputs(SCORE)

    assert failing.calls == 3


async def test_the_calls_to_a_server_that_went_silent_end() -> None:
    class Silent(TrainerServiceServicer):
        async def WatchRun(
            self, request: WatchRunRequest, context: grpc.aio.ServicerContext[Any, Any]
        ) -> AsyncGenerator[WatchRunResponse]:
            yield WatchRunResponse()
            await asyncio.Event().wait()

    register = partial(add_TrainerServiceServicer_to_server, Silent())  # type: ignore[abstract]
    settings = ClientSettings(keepalive=0.1, keepalive_timeout=0.1)
    async with serving(
        Service("trainer", (Endpoint("autoflow.v1.TrainerService", register),)),
        ServerSettings("127.0.0.1:0", min_ping_interval=0.01),
    ) as address:
        wire = Wire(address)
        async with wire.listening() as middle, Client(trainer=middle, settings=settings) as client:
            changes = client.trainer.watch_run(WatchRunRequest(name="runs/1"), timeout=60)
            await anext(changes)
            wire.frozen = True
            with pytest.raises(client_errors.Unavailable, match="ping timeout"):
                await anext(changes)


@pytest.mark.parametrize("timeout", [0, -1])
async def test_a_time_that_is_over_is_a_deadline(timeout: float) -> None:
    async def never(_: ScoreOutputsRequest) -> ScoreOutputsResponse:
        await asyncio.Event().wait()
        raise AssertionError

    service = Service("scorer", (scripted_scorer(never),))
    async with serving(service) as address, Client(scorer=address, settings=HASTY) as client:
        with pytest.raises(client_errors.DeadlineExceeded):
            await client.scorer.score_outputs(SCORE, timeout=timeout)


@pytest.mark.parametrize("error", [errors.NotFound("no"), errors.Aborted("no"), KeyError("no")])
async def test_what_will_not_pass_is_not_tried_again(error: Exception) -> None:
    failing = Failing(1, error)
    async with serving(failing.service()) as address, Client(scorer=address, settings=HASTY) as client:
        with pytest.raises(client_errors.RpcError):
            await client.scorer.score_outputs(SCORE)

    assert failing.calls == 1


async def test_a_stream_is_tried_again_before_its_first_answer_only() -> None:
    calls = 0

    async def execute(_: ExecuteWorkflowRequest) -> AsyncGenerator[ExecutionEvent]:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise errors.Unavailable("before")
        yield ExecutionEvent(sequence=0)
        raise errors.Unavailable("after")

    async with (
        serving(Service("interpreter", (scripted_interpreter(execute),))) as address,
        Client(interpreter=address, settings=HASTY) as client,
    ):
        events = client.interpreter.execute_workflow(EXECUTE)
        assert (await anext(events)).sequence == 0
        with pytest.raises(client_errors.Unavailable, match="after"):
            await anext(events)

    assert calls == 2


@pytest.mark.parametrize("backoff", [0.0, 0.001])
def test_a_backoff_that_grpc_cannot_keep_is_refused(backoff: float) -> None:
    with pytest.raises(ValueError, match=r"at least 0\.01 s"):
        RetrySettings(initial_backoff=backoff)


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    listener = Listener(ServerSettings(address="127.0.0.1:0"))
    await listener.close()
    async with Client(scorer=listener.address, settings=HASTY) as client:
        with pytest.raises(client_errors.Unavailable) as caught:
            await client.scorer.score_outputs(SCORE)

    assert caught.value.method == "/autoflow.v1.ScorerService/ScoreOutputs"
    assert caught.value.details == client_errors.ErrorDetails()


@pytest.mark.parametrize(
    "use", [lambda c: c.generator, lambda c: c.interpreter, lambda c: c.scorer, lambda c: c.trainer]
)
async def test_a_service_without_address_is_named(use: Callable[[Client], object]) -> None:
    async with Client() as client:
        with pytest.raises(ValueError, match="the client has no address of the"):
            use(client)


class Trainer(TrainerServiceServicer):
    """Notes what creates runs; the first answer is lost on the way."""

    def __init__(self) -> None:
        self.requests: list[CreateRunRequest] = []

    async def CreateRun(self, request: CreateRunRequest, context: Context[Any, Any]) -> CreateRunResponse:
        self.requests.append(request)
        if len(self.requests) == 1:
            raise errors.Unavailable("lost")
        return CreateRunResponse(run=request.run)

    # The contract's other methods are not called.
    CreateSuite = GetSuite = ListSuites = None  # type: ignore[assignment]
    GetRun = ListRuns = WatchRun = CancelRun = DownloadReport = None  # type: ignore[assignment]


def optimisation() -> Run:
    return Run(
        optimization=Optimization(
            suite="planning",
            generator=ModelRef(model="m"),
            interpreter=ModelRef(model="m"),
            method=METHOD_RLOO,
        )
    )


@pytest.mark.parametrize("given", ["", "11111111-2222-4333-8444-555555555555"])
async def test_creating_a_run_is_safe_to_repeat(given: str) -> None:
    trainer = Trainer()
    endpoint = Endpoint("autoflow.v1.TrainerService", partial(add_TrainerServiceServicer_to_server, trainer))
    request = CreateRunRequest(run=optimisation(), request_id=given)
    async with (
        serving(Service("trainer", (endpoint,))) as address,
        Client(trainer=address, settings=HASTY) as client,
    ):
        response = await client.trainer.create_run(request)

    assert response.run == optimisation()
    first, second = (received.request_id for received in trainer.requests)
    assert first == second
    assert first == given or not given
    assert len(first) == 36
    assert request.request_id == given, "the caller's message was changed"


async def test_a_worker_shows_its_token() -> None:
    shown: list[str] = []

    class Worker(RunWorkerServiceServicer):
        async def LeaseRun(self, request: LeaseRunRequest, context: Context[Any, Any]) -> LeaseRunResponse:
            shown.append(str(dict(context.invocation_metadata() or ())["authorization"]))
            return LeaseRunResponse(fencing_token=7)

        Heartbeat = CommitIteration = OpenTest = FinishRun = None  # type: ignore[assignment]

    register = partial(add_RunWorkerServiceServicer_to_server, Worker())
    async with (
        serving(Service("trainer", (Endpoint("autoflow.v1.RunWorkerService", register),))) as address,
        RunWorkerClient(address, "a-token", HASTY) as worker,
    ):
        lease = await worker.lease_run(LeaseRunRequest(run="runs/a"))

    assert lease.fencing_token == 7
    assert shown == ["Bearer a-token"]


def test_details_that_cannot_be_read_are_left_out() -> None:
    error = grpc.aio.AioRpcError(
        grpc.StatusCode.NOT_FOUND,
        grpc.aio.Metadata(),
        grpc.aio.Metadata(("grpc-status-details-bin", b"\xff\xff\xff")),
        details="no",
    )

    typed = client_errors.from_grpc(error, "/s/m")

    assert type(typed) is client_errors.NotFound
    assert (typed.message, typed.details) == ("no", client_errors.ErrorDetails())


@pytest.mark.parametrize("code", [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK])
def test_every_code_has_a_type(code: grpc.StatusCode) -> None:
    error = grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata())

    typed = client_errors.from_grpc(error, "/s/m")

    rare = {grpc.StatusCode.UNKNOWN, grpc.StatusCode.OUT_OF_RANGE}
    assert (type(typed) is client_errors.Unknown) is (code in rare)
    assert typed.message == code.name


def test_public_names() -> None:
    assert sorted(autoflow.client.__all__) == [
        "Client",
        "ClientSettings",
        "ErrorDetails",
        "FieldViolation",
        "GeneratorClient",
        "InterpreterClient",
        "RegistryClient",
        "RetrySettings",
        "RpcError",
        "ScorerClient",
        "SyncClient",
        "ToolClient",
        "TrainerClient",
    ]
    for name in autoflow.client.__all__:
        assert hasattr(autoflow.client, name)
