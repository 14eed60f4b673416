"""What every service's client does around a call: deadline, request id, typed errors."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Iterable
from typing import TypeVar

import grpc
from google.protobuf.message import Message

from autoflow import telemetry
from autoflow.client._uploading import upload
from autoflow.client.errors import from_grpc
from autoflow.client.settings import ClientSettings
from autoflow.telemetry import Metadata

RequestT = TypeVar("RequestT", bound=Message)
ResponseT = TypeVar("ResponseT", bound=Message)


REQUEST_ID = "x-request-id"


class Calls:
    """Makes the calls of one service's client.

    Args:
        service: the service's full name.
        settings: the deadlines.
        metadata: goes with every call.
    """

    def __init__(self, service: str, settings: ClientSettings, metadata: Metadata = ()) -> None:
        self._service = service
        self._settings = settings
        self._metadata = metadata

    async def unary(
        self,
        method: grpc.aio.UnaryUnaryMultiCallable[RequestT, ResponseT],
        name: str,
        request: RequestT,
        timeout: float | None,
        metadata: Metadata = (),
    ) -> ResponseT:
        """Makes a call with one answer.

        Args:
            method: of the stub.
            name: the method's name, such as `ScoreOutputs`.
            request: the request.
            timeout: seconds; None for the settings' own.
            metadata: goes with this call.

        Raises:
            RpcError: the call failed; its subclasses say how.
        """
        seconds = _seconds(timeout, self._settings.unary_timeout)
        full_name, outcome = f"/{self._service}/{name}", telemetry.Outcome()
        with telemetry.called(full_name, outcome) as trace:
            try:
                answer = await method(request, timeout=seconds, metadata=self._with_id((*trace, *metadata)))
            except grpc.aio.AioRpcError as error:
                outcome.code = error.code().name
                raise from_grpc(error, full_name) from error
            outcome.code = "OK"
            return answer

    async def stream(
        self,
        method: grpc.aio.UnaryStreamMultiCallable[RequestT, ResponseT],
        name: str,
        request: RequestT,
        timeout: float | None,
    ) -> AsyncGenerator[ResponseT]:
        """Makes a call with a stream of answers; closing the generator cancels the call.

        Args:
            method: of the stub.
            name: the method's name, such as `ExecuteWorkflow`.
            request: the request.
            timeout: seconds for the whole stream; None for the settings' own.

        Raises:
            RpcError: the call failed; its subclasses say how.
        """
        seconds = _seconds(timeout, self._settings.stream_timeout)
        full_name, outcome = f"/{self._service}/{name}", telemetry.Outcome("CANCELLED")
        with telemetry.called(full_name, outcome) as trace:
            call = method(request, timeout=seconds, metadata=self._with_id(trace))
            try:
                async for answer in call:
                    yield answer
                outcome.code = "OK"
            except grpc.aio.AioRpcError as error:
                outcome.code = error.code().name
                raise from_grpc(error, full_name) from error
            finally:
                # Harmless where the call has ended.
                call.cancel()

    async def upload(
        self,
        method: grpc.aio.StreamUnaryMultiCallable[RequestT, ResponseT],
        name: str,
        requests: Iterable[RequestT],
        timeout: float | None,
    ) -> ResponseT:
        """Makes a call with a stream of requests and one answer; what the requests raise cancels it.

        Args:
            method: of the stub.
            name: the method's name, such as `CreateSuite`.
            requests: the requests; the next one is taken in a thread, for it may read files.
            timeout: seconds for the whole call; None for the settings' own.

        Raises:
            RpcError: the call failed; its subclasses say how.
        """
        seconds = _seconds(timeout, self._settings.stream_timeout)
        full_name, outcome = f"/{self._service}/{name}", telemetry.Outcome("CANCELLED")
        with telemetry.called(full_name, outcome) as trace:
            call = method(timeout=seconds, metadata=self._with_id(trace))
            try:
                answer = await upload(call, iter(requests))
                outcome.code = "OK"
                return answer
            except grpc.aio.AioRpcError as error:
                outcome.code = error.code().name
                raise from_grpc(error, full_name) from error
            finally:
                # Harmless where the call has ended.
                call.cancel()

    def _with_id(self, trace: Metadata) -> grpc.aio.Metadata:
        return grpc.aio.Metadata(*self._metadata, *trace, (REQUEST_ID, uuid.uuid4().hex))


def _seconds(given: float | None, default: float) -> float:
    # To grpc, 0 means no deadline at all; to whoever counts down the time that is left, it means now.
    return max(default if given is None else given, 1e-6)
