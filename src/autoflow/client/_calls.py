"""What every service's client does around a call: deadline, request id, typed errors."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator
from typing import TypeAlias, TypeVar

import grpc
from google.protobuf.message import Message

from autoflow.client.errors import from_grpc
from autoflow.client.settings import ClientSettings

RequestT = TypeVar("RequestT", bound=Message)
ResponseT = TypeVar("ResponseT", bound=Message)
Metadata: TypeAlias = tuple[tuple[str, str], ...]

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
    ) -> ResponseT:
        """Makes a call with one answer.

        Args:
            method: of the stub.
            name: the method's name, such as `ScoreOutputs`.
            request: the request.
            timeout: seconds; None for the settings' own.

        Raises:
            RpcError: the call failed; its subclasses say how.
        """
        seconds = self._settings.unary_timeout if timeout is None else timeout
        try:
            return await method(request, timeout=seconds, metadata=self._with_id())
        except grpc.aio.AioRpcError as error:
            raise from_grpc(error, f"/{self._service}/{name}") from error

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
        seconds = self._settings.stream_timeout if timeout is None else timeout
        call = method(request, timeout=seconds, metadata=self._with_id())
        try:
            async for answer in call:
                yield answer
        except grpc.aio.AioRpcError as error:
            raise from_grpc(error, f"/{self._service}/{name}") from error
        finally:
            # Harmless where the call has ended.
            call.cancel()

    def _with_id(self) -> grpc.aio.Metadata:
        return grpc.aio.Metadata(*self._metadata, (REQUEST_ID, uuid.uuid4().hex))
