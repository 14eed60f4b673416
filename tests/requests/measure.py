"""Sends drawn requests to every method of every contract and counts how they end."""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import TypeAlias, TypeVar

import grpc
import hypothesis
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st
from protovalidate import Validator

import autoflow.v1
from autoflow.client.errors import from_grpc
from tests.requests.knowledge import ANYTHING, SENSIBLE, STREAMS
from tests.requests.messages import Messages
from tests.requests.registry import KeptWorkflow
from tests.requests.system import CallersRuns, HeldRun, KeptExecution, System, running_system

Requests: TypeAlias = list[Message]
"""What one call sends: several where its method takes a stream."""
_Kept: TypeAlias = CallersRuns | HeldRun | KeptExecution | KeptWorkflow
T = TypeVar("T")

_DEADLINE = 30.0
"""Seconds for a call; one that takes longer hangs."""
_SENSIBLE_OF = 5
"""All but one of so many requests are sensible."""


@dataclass
class Outcome:
    """How the requests of one method ended."""

    codes: Counter[str] = field(default_factory=Counter)
    """How often each status code came."""
    valid: int = 0
    """Requests that the validation rules let pass."""
    faults: list[str] = field(default_factory=list)
    """The requests that ended in a code that tells of a fault of the service's."""


def services() -> Iterator[ServiceDescriptor]:
    """Every service of the contracts."""
    for found in pkgutil.iter_modules(autoflow.v1.__path__):
        if found.name.endswith("_pb2"):
            module = importlib.import_module(f"autoflow.v1.{found.name}")
            yield from module.DESCRIPTOR.services_by_name.values()


def drawn(method: MethodDescriptor, count: int, seed: int) -> list[Requests]:
    """Calls of one method, the same for the same seed; they repeat where there are not so many."""
    sensible = draw(_calls(method, SENSIBLE), count * (_SENSIBLE_OF - 1) // _SENSIBLE_OF, seed)
    anything = draw(_calls(method, ANYTHING), count // _SENSIBLE_OF, seed)
    # The sensible ones first of each lot, so that there are runs before anything asks for one.
    lots = [[*islice(sensible, _SENSIBLE_OF - 1), next(anything)] for _ in range(-(-count // _SENSIBLE_OF))]
    return [requests for lot in lots for requests in lot][:count]


def _calls(method: MethodDescriptor, messages: Messages) -> st.SearchStrategy[Requests]:
    one = messages.of(method.input_type)
    if not method.client_streaming:
        return one.map(lambda request: [request])
    known = STREAMS.get(method.full_name) if messages.strict else None
    return known() if known else st.lists(one, max_size=4)


def draw(strategy: st.SearchStrategy[T], count: int, seed: int) -> Iterator[T]:
    """So many draws, the same for the same seed, over and over."""
    found: list[T] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=max(count, 1),
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(strategy)
    def keep(value: T) -> None:
        found.append(value)

    keep()
    return cycle(found)


async def measure(folder: Path, count: int, seed: int = 0) -> dict[str, Outcome]:
    """Sends requests to all methods, one after the other for each service, all services at a time.

    Args:
        folder: for databases.
        count: requests for each method.
        seed: of the requests.

    Returns:
        The outcomes by `Service/Method`.
    """
    # Before the loop has anything to do: drawing takes long and does not yield.
    requests = {
        service.full_name: [(method, drawn(method, count, seed)) for method in service.methods]
        for service in services()
    }
    outcomes: dict[str, Outcome] = {}
    async with running_system(folder) as system, asyncio.TaskGroup() as group:
        for service in services():
            caller = _Caller(system, service)
            outcomes.update(caller.outcomes)
            group.create_task(caller.send(requests[service.full_name]))
    return outcomes


class _Caller:
    """Calls one service."""

    def __init__(self, system: System, service: ServiceDescriptor) -> None:
        self._channel = system.channels[service.full_name]
        self._service = service
        named: dict[str, _Kept] = {
            "RunWorkerService": system.held,
            "InterpreterService": system.kept,
            "RegistryService": system.registered,
        }
        self._runs: _Kept = named.get(service.name, system.callers)
        self._validator = Validator()
        self.outcomes = {f"{service.name}/{method.name}": Outcome() for method in service.methods}

    async def send(self, lots: Sequence[tuple[MethodDescriptor, Sequence[Requests]]]) -> None:
        """Sends each method's requests, the methods in turn."""
        for turn in zip(*(calls for _, calls in lots), strict=True):
            for (method, _), requests in zip(lots, turn, strict=True):
                await self._send(method, requests)

    async def _send(self, method: MethodDescriptor, drawn_requests: Requests) -> None:
        requests = [type(request).FromString(request.SerializeToString()) for request in drawn_requests]
        for request in requests:
            self._runs.fill(request)
        outcome = self.outcomes[f"{self._service.name}/{method.name}"]
        outcome.valid += not any(map(self._validator.collect_violations, requests))
        try:
            answer = await self._call(method, requests)
        except grpc.aio.AioRpcError as error:
            code = error.code()
            if code in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.DEADLINE_EXCEEDED):
                outcome.faults.append(f"{code.name}: {error.details()}: {requests!r}")
            if code is grpc.StatusCode.RESOURCE_EXHAUSTED and _retry_after(error) is None:
                outcome.faults.append(f"{code.name} without a hint: {error.details()}")
        else:
            code = grpc.StatusCode.OK
            await self._runs.note(method.name, answer)
        outcome.codes[code.name] += 1

    async def _call(self, method: MethodDescriptor, requests: Requests) -> Message:
        path = f"/{self._service.full_name}/{method.name}"
        metadata = self._runs.metadata if isinstance(self._runs, HeldRun) else ()
        kinds = (
            "stream" if streams else "unary" for streams in (method.client_streaming, method.server_streaming)
        )
        callable_ = getattr(self._channel, "_".join(kinds))(
            path,
            request_serializer=GetMessageClass(method.input_type).SerializeToString,
            response_deserializer=GetMessageClass(method.output_type).FromString,
        )
        sent = requests if method.client_streaming else requests[0]
        call = callable_(sent, timeout=_DEADLINE, metadata=metadata)
        answers: list[Message] = (
            [answer async for answer in call] if method.server_streaming else [await call]
        )
        assert answers, f"{path} ended without an answer"
        return answers[-1]


def _retry_after(error: grpc.aio.AioRpcError) -> float | None:
    return from_grpc(error, "").details.retry_after
