"""How errors reach callers: the table itself, and what arrives over the wire."""

from __future__ import annotations

import ast
import importlib
import logging
import pkgutil
from collections.abc import AsyncGenerator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest
from google.rpc.status_pb2 import Status

import autoflow
from autoflow import errors
from autoflow.client import Client
from autoflow.client import errors as client_errors
from autoflow.llm import base as llm
from autoflow.server import Endpoint, Service
from autoflow.server.compose import SERVICES, load_builder
from autoflow.server.errors import (
    MAX_CHARACTERS,
    MAX_VIOLATIONS_CHARACTERS,
    InvalidRequest,
    KeptFailure,
    failure,
)
from autoflow.testing import scripted_interpreter, scripted_scorer, serving
from autoflow.v1.interpreter_service_pb2 import ExecuteWorkflowRequest, ExecutionEvent
from autoflow.v1.interpreter_service_pb2_grpc import (
    InterpreterServiceServicer,
    add_InterpreterServiceServicer_to_server,
)
from autoflow.v1.scorer_service_pb2 import (
    ListMetricsRequest,
    ListMetricsResponse,
    ScoreOutputsRequest,
    ScoreOutputsResponse,
)
from autoflow.v1.scorer_service_pb2_grpc import ScorerServiceServicer, add_ScorerServiceServicer_to_server

ROOT = Path(__file__).resolve().parents[2]


def raised_types(base: type[Exception]) -> Iterator[type[Exception]]:
    for kind in base.__subclasses__():
        yield kind
        yield from raised_types(kind)


def test_every_error_of_the_domain_is_in_the_table() -> None:
    for package in ("language", "llm", "store", "suites"):
        module = importlib.import_module(f"{autoflow.__name__}.{package}")
        for info in pkgutil.iter_modules(module.__path__, f"{module.__name__}."):
            if not info.ispkg:
                importlib.import_module(info.name)
    for name in SERVICES:
        load_builder(name)

    kinds = {*raised_types(errors.AutoFlowError), *raised_types(llm.LanguageModelError)}

    assert errors.NotFound in kinds
    assert llm.PromptTooLong in kinds
    for kind in kinds:
        error = kind.__new__(kind)
        Exception.__init__(error, "words")
        if isinstance(error, InvalidRequest):
            error.violations = ()
        elif isinstance(error, KeptFailure):
            error.status = Status(code=grpc.StatusCode.UNAVAILABLE.value[0])
        elif isinstance(error, errors.InvalidArgument):
            error.field, error.message, error.fix = "field", "words", ""
        elif isinstance(error, errors.ResourceExhausted):
            error.retry_after = 1.0
        assert failure(error, "id").expected, kind


@pytest.mark.parametrize(
    ("error", "expected", "reason"),
    [
        (errors.InvalidArgument("goal", "is empty"), client_errors.InvalidArgument, "INVALID_ARGUMENT"),
        (errors.NotFound("words"), client_errors.NotFound, "NOT_FOUND"),
        (errors.AlreadyExists("words"), client_errors.AlreadyExists, "ALREADY_EXISTS"),
        (errors.FailedPrecondition("words"), client_errors.FailedPrecondition, "FAILED_PRECONDITION"),
        (errors.Aborted("words"), client_errors.Aborted, "ABORTED"),
        (errors.Unauthenticated("words"), client_errors.Unauthenticated, "UNAUTHENTICATED"),
        (errors.DeadlineExceeded("words"), client_errors.DeadlineExceeded, "DEADLINE_EXCEEDED"),
        (errors.DataLoss("words"), client_errors.DataLoss, "DATA_LOSS"),
        (errors.Unavailable("words"), client_errors.Unavailable, "UNAVAILABLE"),
        (errors.ResourceExhausted("words", 0.01), client_errors.ResourceExhausted, "RESOURCE_EXHAUSTED"),
        (llm.UnknownModel("words"), client_errors.NotFound, "UNKNOWN_MODEL"),
        (llm.UnknownAdapter("words"), client_errors.NotFound, "UNKNOWN_ADAPTER"),
        (llm.PromptTooLong("words"), client_errors.InvalidArgument, "PROMPT_TOO_LONG"),
        (llm.ModelUnavailable("http://secret"), client_errors.Unavailable, "MODEL_UNAVAILABLE"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
async def test_each_error_arrives_typed(
    error: Exception, expected: type[client_errors.RpcError], reason: str, score_request: ScoreOutputsRequest
) -> None:
    async def score(_: ScoreOutputsRequest) -> ScoreOutputsResponse:
        raise error

    async with (
        serving(Service("scorer", (scripted_scorer(score),))) as address,
        Client(scorer=address) as client,
    ):
        with pytest.raises(client_errors.RpcError) as caught:
            await client.scorer.score_outputs(score_request)

    assert type(caught.value) is expected
    assert caught.value.details.reason == reason
    assert caught.value.details.request_id
    assert "secret" not in str(caught.value)


def test_an_invalid_argument_names_field_and_fix() -> None:
    failed = failure(errors.InvalidArgument("run.suite", "is not known", "take `planning`"), "id")

    bad = BadRequest()
    assert any(packed.Unpack(bad) for packed in failed.status.details)
    assert [(found.field, found.description) for found in bad.field_violations] == [
        ("run.suite", "is not known; take `planning`")
    ]
    assert failed.status.message == "run.suite: is not known; take `planning`"


async def test_retry_after_arrives(score_request: ScoreOutputsRequest) -> None:
    async def score(_: ScoreOutputsRequest) -> ScoreOutputsResponse:
        raise errors.ResourceExhausted("full", retry_after=0.0625)

    async with (
        serving(Service("scorer", (scripted_scorer(score),))) as address,
        Client(scorer=address) as client,
    ):
        with pytest.raises(client_errors.ResourceExhausted) as caught:
            await client.scorer.score_outputs(score_request)

    assert caught.value.details.retry_after == 0.0625


def test_whoever_refuses_says_when_to_come_again() -> None:
    refusals = [
        node
        for folder in ("src/autoflow", "services")
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "ResourceExhausted"
    ]

    assert refusals
    # The message comes first, then the seconds.
    assert [ast.unparse(call) for call in refusals if len(call.args) + len(call.keywords) != 2] == []


async def test_an_unknown_error_tells_the_caller_nothing_and_the_log_everything(
    score_request: ScoreOutputsRequest, caplog: pytest.LogCaptureFixture
) -> None:
    async def score(_: ScoreOutputsRequest) -> ScoreOutputsResponse:
        raise KeyError("the password is 1234")

    async with (
        serving(Service("scorer", (scripted_scorer(score),))) as address,
        Client(scorer=address) as client,
    ):
        with pytest.raises(client_errors.Internal) as caught:
            await client.scorer.score_outputs(score_request)

    assert caught.value.message == "internal error"
    assert "1234" not in repr(caught.value)
    assert caught.value.details == client_errors.ErrorDetails(request_id=caught.value.details.request_id)
    logged = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(logged) == 1
    assert logged[0].exc_info is not None
    assert isinstance(logged[0].exc_info[1], KeyError)


async def test_an_error_in_the_middle_of_a_stream_keeps_what_came_before(
    execute_request: ExecuteWorkflowRequest,
) -> None:
    async def execute(_: ExecuteWorkflowRequest) -> AsyncGenerator[ExecutionEvent]:
        yield ExecutionEvent(sequence=0)
        yield ExecutionEvent(sequence=1)
        raise llm.UnknownModel("no model is named 'm'")

    async with (
        serving(Service("interpreter", (scripted_interpreter(execute),))) as address,
        Client(interpreter=address) as client,
    ):
        events = client.interpreter.execute_workflow(execute_request)
        assert [(await anext(events)).sequence, (await anext(events)).sequence] == [0, 1]
        with pytest.raises(client_errors.NotFound, match="no model is named 'm'"):
            await anext(events)


async def test_an_abort_of_the_handlers_own_passes(score_request: ScoreOutputsRequest) -> None:
    class Aborting(ScorerServiceServicer):
        async def ScoreOutputs(
            self, request: ScoreOutputsRequest, context: grpc.aio.ServicerContext[Any, Any]
        ) -> ScoreOutputsResponse:
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, "not you")

        async def ListMetrics(
            self, request: ListMetricsRequest, context: grpc.aio.ServicerContext[Any, Any]
        ) -> ListMetricsResponse:
            return ListMetricsResponse()

    register = partial(add_ScorerServiceServicer_to_server, Aborting())
    async with (
        serving(Service("scorer", (Endpoint("autoflow.v1.ScorerService", register),))) as address,
        Client(scorer=address) as client,
    ):
        with pytest.raises(client_errors.PermissionDenied, match="not you"):
            await client.scorer.score_outputs(score_request)


def test_a_group_of_known_errors_counts_as_its_first() -> None:
    group = ExceptionGroup("g", [ExceptionGroup("h", [errors.NotFound("first")]), errors.Aborted("second")])

    failed = failure(group, "id")

    assert (failed.code, failed.status.message) == (grpc.StatusCode.NOT_FOUND, "first")


def test_a_group_with_an_unknown_error_is_internal() -> None:
    failed = failure(ExceptionGroup("g", [errors.NotFound("first"), KeyError("second")]), "id")

    assert (failed.code, failed.expected) == (grpc.StatusCode.INTERNAL, False)


def test_a_subclass_is_answered_as_what_it_is() -> None:
    class UnknownSuite(errors.NotFound):
        pass

    failed = failure(UnknownSuite("words"), "id")

    assert failed.code is grpc.StatusCode.NOT_FOUND
    assert b"UNKNOWN_SUITE" in failed.status.SerializeToString()


def test_answers_stay_small_enough_for_headers() -> None:
    failed = failure(InvalidRequest(tuple((f"field[{i}]", "x" * 900) for i in range(1000))), "id")

    bad = BadRequest()
    assert any(packed.Unpack(bad) for packed in failed.status.details)
    assert len(bad.field_violations) == MAX_VIOLATIONS_CHARACTERS // 909
    assert len(failed.status.message) == MAX_CHARACTERS


async def test_a_method_without_code_is_unimplemented(
    score_request: ScoreOutputsRequest, execute_request: ExecuteWorkflowRequest
) -> None:
    # As the generated code stands; to the type checker alone it is abstract.
    scorer = partial(add_ScorerServiceServicer_to_server, ScorerServiceServicer())  # type: ignore[abstract]
    interpreter = partial(
        add_InterpreterServiceServicer_to_server,
        InterpreterServiceServicer(),  # type: ignore[abstract]
    )
    service = Service(
        "both",
        (
            Endpoint("autoflow.v1.ScorerService", scorer),
            Endpoint("autoflow.v1.InterpreterService", interpreter),
        ),
    )
    async with serving(service) as address, Client(scorer=address, interpreter=address) as client:
        with pytest.raises(client_errors.Unimplemented) as unary:
            await client.scorer.score_outputs(score_request)
        with pytest.raises(client_errors.Unimplemented) as stream:
            await anext(client.interpreter.execute_workflow(execute_request))

    assert unary.value.details.reason == stream.value.details.reason == "UNIMPLEMENTED"
    assert unary.value.details.request_id


async def test_a_handler_that_gives_up_halfway_is_a_fault_of_ours(score_request: ScoreOutputsRequest) -> None:
    async def score(_: ScoreOutputsRequest) -> ScoreOutputsResponse:
        raise NotImplementedError

    async with (
        serving(Service("scorer", (scripted_scorer(score),))) as address,
        Client(scorer=address) as client,
    ):
        with pytest.raises(client_errors.Internal):
            await client.scorer.score_outputs(score_request)
