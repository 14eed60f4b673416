"""What can go wrong in the domain, in words that a caller may read.

Domain code raises these and knows nothing of gRPC; `autoflow.server.errors` maps them to status codes. A
message is public: it never holds a prompt, a secret, a path or an address of the server's own.
"""

from __future__ import annotations


class AutoFlowError(Exception):
    """A failure that the caller is told about; its subclasses say of which kind.

    Attributes:
        message: what happened, for the caller.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidArgument(AutoFlowError):
    """A field of the request is wrong, whatever the state of the service.

    Attributes:
        field: the path of the field in the request, such as `run.optimization.suite`.
        fix: what would mend it; may be empty.
    """

    def __init__(self, field: str, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.field = field
        self.fix = fix


class NotFound(AutoFlowError):
    """What the request names is not there."""


class AlreadyExists(AutoFlowError):
    """What the request would create is there already, and is something else."""


class FailedPrecondition(AutoFlowError):
    """The state of the service forbids it; trying again without changing that state is useless."""


class Aborted(AutoFlowError):
    """Another caller came in between, such as the next holder of a lease."""


class Unauthenticated(AutoFlowError):
    """The caller did not show that it may call."""


class ResourceExhausted(AutoFlowError):
    """Too much is going on, or a limit is used up.

    Attributes:
        retry_after: seconds after which trying again makes sense; None where waiting does not help.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(AutoFlowError):
    """Something that the service needs cannot be reached now; trying again may help."""


class Cancelled(AutoFlowError):
    """What the call waits for was cancelled, by whomever."""


class DeadlineExceeded(AutoFlowError):
    """The time that the call had is over."""


class DataLoss(AutoFlowError):
    """Stored bytes are not those that were stored."""
