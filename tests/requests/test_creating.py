"""Every method that creates something may be repeated: with the same `request_id` it creates it once.

What is uploaded is named by its content instead, see `tests.trainer.test_suites`.
"""

from __future__ import annotations

import uuid
from itertools import islice
from pathlib import Path

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.timestamp_pb2 import Timestamp

from buf.validate import validate_pb2
from tests.requests.knowledge import SENSIBLE
from tests.requests.measure import draw, services
from tests.requests.system import System, running_system

CREATING = [
    method
    for service in services()
    for method in service.methods
    if method.name.startswith("Create") and not method.client_streaming
]
_DRAWS = 40
ID = str(uuid.UUID(int=7))


def test_every_method_that_creates_takes_an_id() -> None:
    assert CREATING
    for method in CREATING:
        rules = method.input_type.fields_by_name["request_id"].GetOptions().Extensions[validate_pb2.field]
        assert rules.string.uuid or rules.string.pattern, method.full_name


@pytest.mark.parametrize("method", CREATING, ids=lambda method: method.full_name)
async def test_one_id_creates_one_thing_and_stays_its_own(tmp_path: Path, method: MethodDescriptor) -> None:
    async with running_system(tmp_path) as system:
        wanted, other = await two_that_succeed(system, method)
        name = await created(system, method, wanted, ID)
        assert await created(system, method, wanted, ID) == name
        assert await created(system, method, wanted, "") != name
        assert await refusal(system, method, other) is grpc.StatusCode.ALREADY_EXISTS

    # Another process of the service knows it, too.
    async with running_system(tmp_path) as system:
        assert await created(system, method, wanted, ID) == name
        assert await refusal(system, method, other) is grpc.StatusCode.ALREADY_EXISTS


async def two_that_succeed(system: System, method: MethodDescriptor) -> tuple[Message, Message]:
    """Two drawn requests that ask for different things."""
    found: list[tuple[Message, list[Message]]] = []
    for request in islice(draw(SENSIBLE.of(method.input_type), _DRAWS, seed=0), _DRAWS):
        try:
            asked_for = content(await create(system, method, request, ""))
        except grpc.aio.AioRpcError:
            continue
        # Requests that differ in what is output only ask for the same.
        found.append((request, asked_for))
        if asked_for != found[0][1]:
            return found[0][0], request
    raise AssertionError("too few requests succeed")


def content(resource: Message) -> list[Message]:
    """What whoever created it has said: its messages, without its times."""
    return [
        value
        for field, value in resource.ListFields()
        if field.message_type is not None and field.message_type.full_name != Timestamp.DESCRIPTOR.full_name
    ]


async def refusal(system: System, method: MethodDescriptor, request: Message) -> grpc.StatusCode:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await create(system, method, request, ID)
    return caught.value.code()


async def created(system: System, method: MethodDescriptor, request: Message, request_id: str) -> str:
    """The name of what a call created."""
    name: str = (await create(system, method, request, request_id)).name  # type: ignore[attr-defined]
    return name


async def create(system: System, method: MethodDescriptor, request: Message, request_id: str) -> Message:
    identified = type(request)()
    identified.CopyFrom(request)
    identified.request_id = request_id  # type: ignore[attr-defined]
    assert method.containing_service is not None
    service = method.containing_service.full_name
    call: grpc.aio.UnaryUnaryMultiCallable[Message, Message] = system.channels[service].unary_unary(
        f"/{service}/{method.name}",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=GetMessageClass(method.output_type).FromString,
    )
    answer = await call(identified, timeout=30)
    resource: Message
    ((_, resource),) = answer.ListFields()
    return resource
