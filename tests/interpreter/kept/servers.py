"""Interpreters that share a database, called by bare stubs, which repeat nothing and attach to nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import grpc

from autoflow.client.errors import RpcError, from_grpc
from autoflow.llm import LanguageModel
from autoflow.llm.descriptions import Prices
from autoflow.server import ServerSettings
from autoflow.store.engine import create_engine
from autoflow.testing import ScriptedTools, catalogue_of, serving
from autoflow.v1 import interpreter_service_pb2 as pb
from autoflow.v1.interpreter_service_pb2_grpc import InterpreterServiceStub
from autoflow_interpreter import build
from autoflow_interpreter.executions.model import Execution
from autoflow_interpreter.executions.store import ExecutionStore

ONE_STEP = "Step 1:::terminal:::Give the plan\n"
TWO_STEPS = "Step 1:::process:::Name the input:::next::Step 2\nStep 2:::terminal:::Give the plan\n"
LOOP = "Step 1:::decision:::Is it done?:::Yes::Step 2:::No::Step 1\nStep 2:::terminal:::Say so\n"

Call: TypeAlias = "grpc.aio.UnaryStreamCall[Any, Any]"
Events: TypeAlias = list[pb.ExecutionEvent]
Request: TypeAlias = Callable[..., pb.ExecuteWorkflowRequest]

_PATIENCE = 30.0
_LOOK = 0.01
_LEASE = 2.4
_SERVED = ServerSettings(address="127.0.0.1:0", health_interval=0.5)
_FAR = datetime(2100, 1, 1, tzinfo=UTC)


class Server:
    """One interpreter.

    Args:
        address: where it listens.
        channel: to it.
    """

    def __init__(self, address: str, channel: grpc.aio.Channel) -> None:
        self.address = address
        self._stub = InterpreterServiceStub(channel)

    def execute(self, request: pb.ExecuteWorkflowRequest, timeout: float = _PATIENCE) -> Call:
        """Calls ExecuteWorkflow."""
        return self._stub.ExecuteWorkflow(request, timeout=timeout)

    def watch(self, name: str, from_sequence: int = 0) -> Call:
        """Calls WatchExecution."""
        request = pb.WatchExecutionRequest(name=name, from_sequence=from_sequence)
        return self._stub.WatchExecution(request, timeout=_PATIENCE)

    async def get(self, name: str) -> pb.Execution:
        """Calls GetExecution."""
        answer = await self._checked(self._stub.GetExecution, pb.GetExecutionRequest(name=name))
        found: pb.Execution = answer.execution
        return found

    async def page(self, **fields: Any) -> pb.ListExecutionsResponse:
        """Calls ListExecutions."""
        answer = await self._checked(self._stub.ListExecutions, pb.ListExecutionsRequest(**fields))
        found: pb.ListExecutionsResponse = answer
        return found

    async def cancel(self, name: str) -> pb.Execution:
        """Calls CancelExecution."""
        answer = await self._checked(self._stub.CancelExecution, pb.CancelExecutionRequest(name=name))
        found: pb.Execution = answer.execution
        return found

    async def answer(self, name: str, question: int, answer: str) -> pb.Execution:
        """Calls ResumeExecution."""
        request = pb.ResumeExecutionRequest(name=name, question_sequence=question, answer=answer)
        found: pb.Execution = (await self._checked(self._stub.ResumeExecution, request)).execution
        return found

    async def until(self, name: str, is_so: Callable[[pb.Execution], bool]) -> pb.Execution:
        """Looks until an execution is as it should be.

        Raises:
            TimeoutError: it is not within 30 seconds.
        """
        found = pb.Execution()

        async def look() -> bool:
            found.CopyFrom(await self.get(name))
            return is_so(found)

        await until(look)
        return found

    async def until_in(self, name: str, state: pb.ExecutionState.ValueType) -> pb.Execution:
        """Looks until an execution is in a state."""
        return await self.until(name, lambda execution: execution.state == state)

    async def _checked(self, method: Callable[..., Awaitable[Any]], request: object) -> Any:
        try:
            return await method(request, timeout=_PATIENCE)
        except grpc.aio.AioRpcError as error:
            raise from_grpc(error, "a method") from None


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    """Looks until something is so.

    Raises:
        TimeoutError: it is not within 30 seconds.
    """
    async with asyncio.timeout(_PATIENCE):
        while True:
            if await is_so():
                return
            await asyncio.sleep(_LOOK)


@asynccontextmanager
async def server(
    url: str, *models: LanguageModel, tools: Sequence[ScriptedTools | str] = (), **settings: object
) -> AsyncIterator[Server]:
    """Serves an interpreter that soon notices what it lost, and what others did.

    Args:
        url: of its database.
        models: that it knows.
        tools: providers, or the addresses of such.
        settings: further ones of its own, such as `interpreter_max_executions`.
    """
    given = {
        "interpreter_database_url": url,
        "interpreter_lease_seconds": _LEASE,
        "interpreter_poll_seconds": _LOOK,
        **settings,
    }
    env = {f"AUTOFLOW_{name.upper()}": str(value) for name, value in given.items()}
    # Were the channel closed first, all who have begun an execution would have left.
    async with AsyncExitStack() as channels, AsyncExitStack() as stack:
        addresses = [
            one if isinstance(one, str) else await stack.enter_async_context(serving(one.service))
            for one in tools
        ]
        env["AUTOFLOW_TOOL_PROVIDERS"] = ",".join(addresses)
        service = build(env, catalogue_of(*models, prices=Prices()))
        address = await stack.enter_async_context(serving(service, _SERVED))
        channel = await channels.enter_async_context(grpc.aio.insecure_channel(address))
        yield Server(address, channel)


@asynccontextmanager
async def outliving(one: Server) -> AsyncIterator[Server]:
    """The same server by a channel of its own, whose calls may see the server's end."""
    async with grpc.aio.insecure_channel(one.address) as channel:
        yield Server(one.address, channel)


async def events_of(call: Call, count: int | None = None) -> Events:
    """The next events of a stream, all by default.

    Raises:
        RpcError: the stream ended with an error.
    """
    events, error = await told(call, count)
    if error is not None:
        raise error
    return events


async def told(call: Call, count: int | None = None) -> tuple[Events, RpcError | None]:
    """The next events of a stream, and the error that ended it."""
    events: Events = []
    try:
        while count is None or len(events) < count:
            message = await call.read()
            if message is grpc.aio.EOF:
                break
            events.append(message.event)  # type: ignore[attr-defined]
    except grpc.aio.AioRpcError as error:
        return events, from_grpc(error, "a stream")
    return events, None


async def begun(call: Call) -> str:
    """The name of the execution that a call has begun."""
    (started,) = await events_of(call, 1)
    return started.started.execution


def kinds(events: Events) -> list[str]:
    """What happened."""
    return [str(event.WhichOneof("event")) for event in events]


@asynccontextmanager
async def store_of(url: str, kind: type[ExecutionStore] = ExecutionStore) -> AsyncIterator[ExecutionStore]:
    """The database itself."""
    engine = create_engine(url)
    try:
        yield kind(engine)
    finally:
        await engine.dispose()


async def rob(url: str) -> None:
    """Takes all executions that run from their servers, as if their leases were over, and lets them lie."""
    async with store_of(url) as store:
        taken = await store.claim("a thief", _FAR, _FAR + timedelta(days=1), 99)
        await store.release([(execution.id, execution.token) for execution in taken])


async def store_lost(url: str, like: Execution) -> str:
    """Stores an execution whose server is lost before it has done anything; returns its id."""
    lost = replace(like, id=f"{like.id}-lost", request_id=None)
    async with store_of(url) as store:
        await store.insert(lost, "a lost server", datetime(1970, 1, 1, tzinfo=UTC))
    return lost.id
