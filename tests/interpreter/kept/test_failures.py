"""Executions that cannot go on: the same error for whoever began one, looks at it, or watches it later."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from autoflow.client import errors
from autoflow.llm import Message, ModelOverloaded, ModelRejected, ModelUnavailable, UnknownAdapter
from autoflow.testing import ScriptedModel
from autoflow.v1 import interpreter_service_pb2 as pb
from tests.interpreter.kept.servers import ONE_STEP, TWO_STEPS, Request, kinds, server, told

SECRET = "the key sk-1234 was refused at https://models.internal"


@pytest.mark.parametrize(
    ("raised", "expected", "reason"),
    [
        (ModelRejected(SECRET), errors.FailedPrecondition, "MODEL_REJECTED"),
        (ModelUnavailable(SECRET), errors.Unavailable, "MODEL_UNAVAILABLE"),
        (ModelOverloaded("a long queue"), errors.ResourceExhausted, "MODEL_OVERLOADED"),
        (UnknownAdapter("no such adapter"), errors.NotFound, "UNKNOWN_ADAPTER"),
        (ValueError(SECRET), errors.Internal, ""),
        (ExceptionGroup("several", [ValueError(SECRET)]), errors.Internal, ""),
    ],
)
async def test_everybody_is_told_the_same(
    url: str, request_for: Request, raised: Exception, expected: type[errors.RpcError], reason: str
) -> None:
    def script(messages: Sequence[Message]) -> str:
        if len(messages) > 2:
            raise raised
        return "a noisy picture"

    request = request_for(TWO_STEPS, request_id="mine")
    async with server(url, ScriptedModel(script)) as one:
        seen, first = await told(one.execute(request))
        name = seen[0].started.execution
        kept = await one.get(name)
        watched, second = await told(one.watch(name))
        again, third = await told(one.execute(request))

    assert type(first) is type(second) is type(third) is expected
    assert first is not None
    assert second is not None
    assert first.message == second.message == kept.error.message
    assert "sk-1234" not in kept.error.message
    # Of those that hide their words it is said which model it was.
    assert ("'scripted'" in kept.error.message) is isinstance(raised, ModelRejected | ModelUnavailable)
    assert "sk-1234" not in str(kept.error.SerializeToString())
    assert first.details.reason == second.details.reason
    assert not reason or first.details.reason == reason
    assert first.details.request_id != second.details.request_id
    # What was done before is kept.
    assert seen == watched == again
    assert kinds(seen)[-1] == "step_started"
    assert kept.state == pb.EXECUTION_STATE_FAILED
    assert kept.events == len(seen)
    assert not kept.HasField("finished")
    # A type of details comes once.
    types = [detail.type_url for detail in kept.error.details]
    assert len(types) == len(set(types))


async def test_an_unknown_error_is_in_the_log_with_all_that_is_known_of_it(
    url: str, request_for: Request, caplog: pytest.LogCaptureFixture
) -> None:
    def script(messages: Sequence[Message]) -> str:
        raise ValueError("a fault of ours")

    async with server(url, ScriptedModel(script)) as one:
        seen, error = await told(one.execute(request_for(ONE_STEP)))

    assert error is not None
    assert error.message == "internal error"
    (record,) = [each for each in caplog.records if each.exc_info and each.levelname == "ERROR"]
    assert "a fault of ours" in caplog.text
    assert record.__dict__["execution"] in seen[0].started.execution


async def test_what_is_refused_at_once_is_not_kept(url: str, request_for: Request) -> None:
    async with server(url, ScriptedModel(lambda messages: "a plan")) as one:
        for request in (
            request_for("Step 1:::terminal:::\n"),
            request_for(ONE_STEP, model="gpt-9"),
            request_for(ONE_STEP, step_tools=["*", "add"]),
            request_for(ONE_STEP, request_id="what is this?"),
        ):
            seen, error = await told(one.execute(request))
            assert seen == []
            assert isinstance(error, errors.InvalidArgument | errors.NotFound)
        assert not (await one.page()).executions
