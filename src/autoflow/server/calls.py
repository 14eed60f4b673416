"""What happens around every call of a service's own methods.

In this order: the request's id is found or made, the call is admitted, it gets a deadline if the caller gave
none, the request is read and validated, the handler runs, its answer is written. Whatever any of them raises
goes through the error table; the end of the call is logged with its code and time; what was asked and
answered is logged only where the settings say so.

Of a stream of requests each is read and validated when the handler asks for it. A caller who breaks off looks
for a moment like one who has sent everything; a handler learns of the end only after that moment, which is
long enough for gRPC on any but a starved machine. What cannot be undone belongs at the end of a handler.

Health and reflection are left alone. Left out: streams both ways, which no contract has; identities, quotas
and encryption: this server is for a trusted network.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import grpc
from google.protobuf.message import Message
from grpc_status import rpc_status
from protovalidate import Validator
from structlog.contextvars import bound_contextvars

from autoflow import telemetry
from autoflow.errors import DeadlineExceeded
from autoflow.server.content import log_content
from autoflow.server.errors import Unimplemented, failure
from autoflow.server.gate import Gate
from autoflow.server.messages import Codec
from autoflow.server.settings import ServerSettings
from autoflow.server.validation import validate

REQUEST_ID = "x-request-id"
"""The metadata key of a request's id, both ways."""
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_RETRY_PUSHBACK = "grpc-retry-pushback-ms"
"""Tells a client's channel, before its own back-off, when to try again (gRFC A6)."""
_MIN_PUSHBACK_MS = 10
"""grpc (1.85) never makes an attempt that is to come after no time at all."""
_NEVER = "-1"
"""As a push-back: the call is not to be tried again, for waiting does not help."""
_SETTLING = 0.02
"""Seconds after a stream of requests in which it becomes known whether its caller has broken off."""
_INFRASTRUCTURE = ("/grpc.health.", "/grpc.reflection.")

_log = logging.getLogger(__name__)

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Around: TypeAlias = Callable[[Context], AbstractAsyncContextManager[None]]
"""Sees to everything around the handler but requests and answers."""
Tell: TypeAlias = Callable[[str, Message], None]
"""Is told of each request and answer."""
Unary: TypeAlias = Callable[[Message, Context], Awaitable[Message]]
Stream: TypeAlias = Callable[[Message, Context], AsyncGenerator[Message]]
Upload: TypeAlias = Callable[[AsyncGenerator[Message], Context], Awaitable[Message]]


class CallInterceptor(grpc.aio.ServerInterceptor):
    """Puts what this module's docstring says around every handler."""

    def __init__(self, settings: ServerSettings, gate: Gate) -> None:
        self._settings = settings
        self._gate = gate
        self._validator = Validator()
        self._telemetry = telemetry.current()
        self._tell: Tell = log_content if settings.log_content else _keep_quiet

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """Wraps the handler of one call."""
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        # None: there is no such method; grpc answers UNIMPLEMENTED.
        if handler is None or method.startswith(_INFRASTRUCTURE):
            return handler
        streams = bool(handler.request_streaming or handler.response_streaming)
        wire = _Wire(
            Codec(
                cast("Callable[[bytes], Message]", handler.request_deserializer),
                cast("Callable[[Message], bytes]", handler.response_serializer),
                self._settings.max_message_bytes,
            ),
            self._validator,
            self._tell,
        )

        def around(context: Context) -> AbstractAsyncContextManager[None]:
            return self._around(handler_call_details, streams, context)

        # Without a deserializer and a serializer, gRPC hands on bytes.
        match handler.request_streaming, handler.response_streaming:
            case False, False:
                return grpc.unary_unary_rpc_method_handler(
                    _unary(cast("Unary", handler.unary_unary), around, wire)
                )
            case False, True:
                return grpc.unary_stream_rpc_method_handler(
                    _streaming(cast("Stream", handler.unary_stream), around, wire)
                )
            case True, False:
                return grpc.stream_unary_rpc_method_handler(
                    _uploading(cast("Upload", handler.stream_unary), around, wire)
                )
        raise NotImplementedError(f"{method} streams both ways")

    @asynccontextmanager
    async def _around(
        self, details: grpc.HandlerCallDetails, streams: bool, context: Context
    ) -> AsyncIterator[None]:
        method, request_id, outcome = details.method, _request_id(details), telemetry.Outcome(admitted=False)
        seconds = self._settings.stream_deadline if streams else self._settings.unary_deadline
        context.set_trailing_metadata(((REQUEST_ID, request_id),))
        with (
            bound_contextvars(request_id=request_id, method=method),
            self._observed(details, outcome),
            _logged(context, outcome),
        ):
            async with _answered(context, request_id):
                with self._gate.enter(streams=streams):
                    outcome.admitted = True
                    async with _deadline(context, seconds):
                        yield

    @contextmanager
    def _observed(self, details: grpc.HandlerCallDetails, outcome: telemetry.Outcome) -> Iterator[None]:
        if self._telemetry is None:
            yield
            return
        # The call's task knows nothing of the one that started the server.
        with (
            telemetry.listening(self._telemetry),
            self._telemetry.served(details.method, details.invocation_metadata, outcome),
        ):
            yield


@dataclass(frozen=True, slots=True)
class _Wire:
    """Reads the requests of one method, and writes its answers."""

    codec: Codec
    validator: Validator
    tell: Tell

    def read(self, data: bytes) -> Message:
        request = self.codec.read(data)
        validate(self.validator, request)
        self.tell("request", request)
        return request

    def write(self, answer: Message) -> bytes:
        self.tell("answer", answer)
        return self.codec.write(answer)


def _unary(handler: Unary, around: Around, wire: _Wire) -> Callable[[bytes, Context], Awaitable[bytes]]:
    async def handle(data: bytes, context: Context) -> bytes:
        async with around(context):
            return wire.write(await handler(wire.read(data), context))
        raise AssertionError("no error is swallowed around a call")

    return handle


def _streaming(handler: Stream, around: Around, wire: _Wire) -> Callable[[bytes, Context], Awaitable[None]]:
    # A coroutine that writes, not a generator: when a call is cancelled between two answers, a generator of
    # grpc's would be left to the garbage collector; this one is closed before the call ends.
    async def handle(data: bytes, context: Context) -> None:
        async with around(context), aclosing(handler(wire.read(data), context)) as answers:
            async for answer in answers:
                await context.write(wire.write(answer))

    return handle


def _uploading(
    handler: Upload, around: Around, wire: _Wire
) -> Callable[[AsyncIterator[bytes], Context], Awaitable[bytes]]:
    async def requests(parts: AsyncIterator[bytes]) -> AsyncGenerator[Message]:
        async for part in parts:
            yield wire.read(part)
        # The stream of a caller who broke off ends like any other, and the cancellation comes right after.
        await asyncio.sleep(_SETTLING)

    async def handle(parts: AsyncIterator[bytes], context: Context) -> bytes:
        async with around(context), aclosing(requests(parts)) as read:
            return wire.write(await handler(read, context))
        raise AssertionError("no error is swallowed around a call")

    return handle


def _keep_quiet(what: str, message: Message) -> None:
    pass


@contextmanager
def _logged(context: Context, outcome: telemetry.Outcome) -> Iterator[None]:
    started = time.perf_counter()
    try:
        yield
        outcome.code = "OK"
    except asyncio.CancelledError:
        outcome.code = "CANCELLED"
        raise
    except grpc.aio.AbortError:
        outcome.code = _code(context)
        raise
    finally:
        seconds = round(time.perf_counter() - started, 6)
        _log.info("call", extra={"code": outcome.code, "seconds": seconds})


@asynccontextmanager
async def _answered(context: Context, request_id: str) -> AsyncIterator[None]:
    """Turns whatever the block raises into a status, by the table."""
    try:
        yield
    except grpc.aio.AbortError:
        raise
    except Exception as error:
        failed = failure(_told(error, context), request_id)
        if not failed.expected:
            _log.exception("a call failed in an unexpected way")
        metadata: list[tuple[str, str | bytes]] = [(REQUEST_ID, request_id)]
        if failed.retry_after is not None:
            metadata.append((_RETRY_PUSHBACK, str(max(_MIN_PUSHBACK_MS, round(failed.retry_after * 1000)))))
        elif failed.code is grpc.StatusCode.RESOURCE_EXHAUSTED:
            metadata.append((_RETRY_PUSHBACK, _NEVER))
        status = rpc_status.to_status(failed.status)
        await context.abort(failed.code, status.details, (*metadata, *status.trailing_metadata))


def _told(error: Exception, context: Context) -> Exception:
    # This is what generated code does for a method that a servicer does not have. A NotImplementedError alone
    # may come from anywhere below.
    if isinstance(error, NotImplementedError) and _code(context) == grpc.StatusCode.UNIMPLEMENTED.name:
        return Unimplemented("the service does not have this method yet")
    return error


@asynccontextmanager
async def _deadline(context: Context, seconds: float) -> AsyncIterator[None]:
    """Ends the block after so many seconds; grpc itself sees to a deadline that the caller gave."""
    if context.time_remaining() is not None:
        yield
        return
    try:
        async with asyncio.timeout(seconds) as timeout:
            yield
    except TimeoutError:
        if not timeout.expired():
            raise
        raise DeadlineExceeded(
            f"the call took longer than {seconds:g} s, which is what a call without a deadline has"
        ) from None


def _request_id(details: grpc.HandlerCallDetails) -> str:
    for key, value in details.invocation_metadata:
        # Anything else a caller might send would end up in the log.
        if key == REQUEST_ID and isinstance(value, str) and _REQUEST_ID.fullmatch(value):
            return value
    return uuid.uuid4().hex


def _code(context: Context) -> str:
    code: object = context.code()
    # grpc keeps the number alone, and types it as the enum.
    return next((known.name for known in grpc.StatusCode if code in (known, known.value[0])), "UNKNOWN")
