"""What a call may raise: one type for each status code, with the details that the server sent.

They are not the types of `autoflow.errors`, on purpose: inside a service, an error of another service must
not pass for its own answer to its own caller.
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from dataclasses import dataclass

import grpc
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RequestInfo, RetryInfo
from google.rpc.status_pb2 import Status

_DETAILS = "grpc-status-details-bin"


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """What is wrong with one field of the request."""

    field: str
    """Its path, such as `run.optimization.suite`."""
    description: str
    """What is wrong, and what would mend it."""


@dataclass(frozen=True, slots=True)
class ErrorDetails:
    """What came with a status."""

    reason: str = ""
    """A stable word for machines, such as `UNKNOWN_MODEL`; empty where the server sent none."""
    violations: tuple[FieldViolation, ...] = ()
    """The fields that are wrong."""
    retry_after: float | None = None
    """Seconds after which trying again makes sense."""
    request_id: str = ""
    """By which the server's log is searched; empty where the call did not reach a server."""


class RpcError(Exception):
    """A call failed.

    Attributes:
        method: the full name of the method, such as `/autoflow.v1.ScorerService/ScoreOutputs`.
        message: what happened, for a person.
        details: what came with it.
    """

    def __init__(self, method: str, message: str, details: ErrorDetails) -> None:
        super().__init__(method, message, details)
        self.method = method
        self.message = message
        self.details = details

    def __str__(self) -> str:
        name = self.method.rpartition("/")[2]
        identity = f" (request {self.details.request_id})" if self.details.request_id else ""
        return f"{name}: {self.message}{identity}"


class InvalidArgument(RpcError):
    """A field of the request is wrong; `details.violations` says which."""


class NotFound(RpcError):
    """What the request names is not there."""


class AlreadyExists(RpcError):
    """What the request would create is there already, and is something else."""


class FailedPrecondition(RpcError):
    """The state of the service forbids it."""


class Aborted(RpcError):
    """Another caller came in between."""


class Unauthenticated(RpcError):
    """The caller did not show that it may call."""


class PermissionDenied(RpcError):
    """The caller may not do this."""


class ResourceExhausted(RpcError):
    """Too much is going on, or a limit is used up, past the channel's own retries."""


class Unavailable(RpcError):
    """The service cannot be reached or cannot work now, past the channel's own retries."""


class DeadlineExceeded(RpcError):
    """The time that the call had is over; whether it was carried out is unknown."""


class Cancelled(RpcError):
    """The server stopped the call."""


class Unimplemented(RpcError):
    """The server has no such method."""


class DataLoss(RpcError):
    """Stored bytes are not those that were stored."""


class Internal(RpcError):
    """A fault of the server's; its log knows more under `details.request_id`."""


class Unknown(RpcError):
    """A failure that has no type of its own."""


_TYPES: Mapping[grpc.StatusCode, type[RpcError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidArgument,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.ALREADY_EXISTS: AlreadyExists,
    grpc.StatusCode.FAILED_PRECONDITION: FailedPrecondition,
    grpc.StatusCode.ABORTED: Aborted,
    grpc.StatusCode.UNAUTHENTICATED: Unauthenticated,
    grpc.StatusCode.PERMISSION_DENIED: PermissionDenied,
    grpc.StatusCode.RESOURCE_EXHAUSTED: ResourceExhausted,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
    grpc.StatusCode.CANCELLED: Cancelled,
    grpc.StatusCode.UNIMPLEMENTED: Unimplemented,
    grpc.StatusCode.DATA_LOSS: DataLoss,
    grpc.StatusCode.INTERNAL: Internal,
}


def from_grpc(error: grpc.aio.AioRpcError, method: str) -> RpcError:
    """Types an error of grpc's.

    Args:
        error: what the call raised.
        method: the full name of the method.

    Returns:
        The error to raise; details that cannot be read are left out.
    """
    kind = _TYPES.get(error.code(), Unknown)
    return kind(method, error.details() or error.code().name, _details(error))


def _details(error: grpc.aio.AioRpcError) -> ErrorDetails:
    for key, value in error.trailing_metadata() or ():
        if key == _DETAILS and isinstance(value, bytes):
            try:
                return _read(Status.FromString(value))
            except (DecodeError, binascii.Error):
                break
    return ErrorDetails()


def _read(status: Status) -> ErrorDetails:
    info, request, bad, retry = ErrorInfo(), RequestInfo(), BadRequest(), RetryInfo()
    has_retry = False
    for packed in status.details:
        # Unpack leaves the message alone where the type is another.
        packed.Unpack(info) or packed.Unpack(request) or packed.Unpack(bad)
        has_retry = packed.Unpack(retry) or has_retry
    return ErrorDetails(
        reason=info.reason,
        violations=tuple(FieldViolation(found.field, found.description) for found in bad.field_violations),
        retry_after=retry.retry_delay.ToTimedelta().total_seconds() if has_retry else None,
        request_id=request.request_id,
    )
