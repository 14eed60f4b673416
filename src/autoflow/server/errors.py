"""The one table that says how an error reaches the caller: status code, public words, google.rpc details.

What is not in the table tells the caller nothing but the request's id. A subclass of an error that is in the
table is answered as that error, with a reason of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RequestInfo, RetryInfo
from google.rpc.status_pb2 import Status

from autoflow import errors
from autoflow.llm import base as llm

DOMAIN = "autoflow"
"""The domain of every ErrorInfo."""

MAX_CHARACTERS = 1000
"""Of one message or description; a longer one is cut."""
MAX_VIOLATIONS_CHARACTERS = 3000
"""Of all descriptions of an answer; the violations past it are left out."""


class InvalidRequest(errors.AutoFlowError):
    """The validation rules of the contract refuse the request.

    Attributes:
        violations: path of the field, and what is wrong with it.
    """

    def __init__(self, violations: tuple[tuple[str, str], ...]) -> None:
        super().__init__("the request is not valid")
        self.violations = violations


class MessageTooLarge(errors.ResourceExhausted):
    """A request or an answer is larger than the server's limit; the same call again would fail again."""

    def __init__(self, what: str, size: int, limit: int) -> None:
        super().__init__(
            f"{what} has {size:,} bytes, and {limit:,} are allowed; "
            "calling again does not help, asking for less at once does"
        )


class Unimplemented(errors.AutoFlowError):
    """The contract has the method, and the service has no code for it."""


class KeptFailure(errors.AutoFlowError):
    """What an earlier call has failed at, and was kept.

    Attributes:
        status: as that call was answered.
    """

    def __init__(self, status: Status) -> None:
        super().__init__(status.message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Answer:
    """How one kind of error is answered."""

    code: grpc.StatusCode
    words: str = ""
    """What the caller reads; `{model}` stands for the name of the model that failed. Empty: the error's own
    message, which is written for callers."""
    retry_after: float | None = None
    """Seconds after which trying again makes sense, where the error itself does not say."""


TABLE: Mapping[type[Exception], Answer] = {
    InvalidRequest: Answer(grpc.StatusCode.INVALID_ARGUMENT),
    Unimplemented: Answer(grpc.StatusCode.UNIMPLEMENTED),
    errors.InvalidArgument: Answer(grpc.StatusCode.INVALID_ARGUMENT),
    errors.NotFound: Answer(grpc.StatusCode.NOT_FOUND),
    errors.AlreadyExists: Answer(grpc.StatusCode.ALREADY_EXISTS),
    errors.FailedPrecondition: Answer(grpc.StatusCode.FAILED_PRECONDITION),
    errors.Aborted: Answer(grpc.StatusCode.ABORTED),
    errors.Unauthenticated: Answer(grpc.StatusCode.UNAUTHENTICATED),
    errors.ResourceExhausted: Answer(grpc.StatusCode.RESOURCE_EXHAUSTED),
    errors.Unavailable: Answer(grpc.StatusCode.UNAVAILABLE),
    errors.Cancelled: Answer(grpc.StatusCode.CANCELLED),
    errors.DeadlineExceeded: Answer(grpc.StatusCode.DEADLINE_EXCEEDED),
    errors.DataLoss: Answer(grpc.StatusCode.DATA_LOSS),
    llm.UnknownModel: Answer(grpc.StatusCode.NOT_FOUND),
    llm.UnknownAdapter: Answer(grpc.StatusCode.NOT_FOUND),
    llm.Unsupported: Answer(grpc.StatusCode.FAILED_PRECONDITION),
    llm.PromptTooLong: Answer(grpc.StatusCode.INVALID_ARGUMENT),
    # A provider's own words may hold an address or a key's name.
    llm.ModelRejected: Answer(
        grpc.StatusCode.FAILED_PRECONDITION,
        words="the endpoint of the model{model} rejects the call; the log says why",
    ),
    llm.ModelOverloaded: Answer(grpc.StatusCode.RESOURCE_EXHAUSTED, retry_after=1.0),
    llm.ModelUnavailable: Answer(grpc.StatusCode.UNAVAILABLE, words="the model{model} cannot be reached"),
}

_INTERNAL = Answer(grpc.StatusCode.INTERNAL, words="internal error")


@dataclass(frozen=True, slots=True)
class Failure:
    """An error, ready for the wire."""

    code: grpc.StatusCode
    status: Status
    expected: bool
    """False for an error that the table does not know: a fault of ours."""
    retry_after: float | None
    """Seconds, as in the status' RetryInfo."""


def failure(error: Exception, request_id: str) -> Failure:
    """Looks an error up.

    Args:
        error: what a handler raised. A group counts as its first error, if the table knows all of them.
        request_id: goes into the status' RequestInfo, by which the log is searched.

    Returns:
        The failure; INTERNAL without any detail where the table does not know the error.
    """
    if isinstance(error, KeptFailure):
        return _kept(error.status, request_id)
    causes = list(_leaves(error))
    answers = [_answer(type(cause)) for cause in causes]
    expected = None not in answers
    answer = answers[0] if expected and answers[0] is not None else _INTERNAL
    cause = causes[0]
    retry_after = getattr(cause, "retry_after", None) or answer.retry_after
    details: list[Message] = [RequestInfo(request_id=request_id)]
    if expected:
        details += _details(cause, retry_after)
    status = Status(
        # grpc types `value` loosely; it is a pair of number and words.
        code=int(answer.code.value[0]),
        message=_cut(_public(answer, cause)),
        details=[_packed(detail) for detail in details],
    )
    return Failure(answer.code, status, expected, retry_after)


def _kept(kept: Status, request_id: str) -> Failure:
    status = Status()
    status.CopyFrom(kept)
    status.details.append(_packed(RequestInfo(request_id=request_id)))
    code = next((code for code in grpc.StatusCode if code.value[0] == kept.code), grpc.StatusCode.UNKNOWN)
    return Failure(code, status, True, None)


def _leaves(error: Exception) -> Iterator[Exception]:
    if isinstance(error, ExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def _answer(kind: type[Exception]) -> Answer | None:
    return next((TABLE[base] for base in kind.__mro__ if base in TABLE), None)


def _details(error: Exception, retry_after: float | None) -> Iterator[Message]:
    yield ErrorInfo(reason=_reason(type(error)), domain=DOMAIN)
    if retry_after is not None:
        delay = duration_pb2.Duration()
        delay.FromNanoseconds(round(retry_after * 1e9))
        yield RetryInfo(retry_delay=delay)
    if violations := _violations(error):
        yield _bad_request(violations)


def _public(answer: Answer, error: Exception) -> str:
    name = error.model if isinstance(error, llm.LanguageModelError) else ""
    return answer.words.format(model=f" {name!r}" if name else "") or _words(error)


def _violations(error: Exception) -> tuple[tuple[str, str], ...]:
    if isinstance(error, InvalidRequest):
        return error.violations
    if isinstance(error, errors.InvalidArgument):
        return ((error.field, f"{error.message}; {error.fix}" if error.fix else error.message),)
    return ()


def _words(error: Exception) -> str:
    # Whoever looks at the message alone is to know which field.
    violations = _violations(error)
    return "; ".join(f"{field}: {words}" if field else words for field, words in violations) or str(error)


def _bad_request(violations: tuple[tuple[str, str], ...]) -> BadRequest:
    detail = BadRequest()
    room = MAX_VIOLATIONS_CHARACTERS
    for field, words in violations:
        violation = BadRequest.FieldViolation(field=field, description=_cut(words))
        room -= len(violation.field) + len(violation.description)
        if room < 0:
            break
        detail.field_violations.append(violation)
    return detail


def _cut(words: str) -> str:
    return words if len(words) <= MAX_CHARACTERS else words[: MAX_CHARACTERS - 1] + "…"


def _reason(kind: type[Exception]) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.__name__).upper()


def _packed(detail: Message) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(detail)
    return packed
