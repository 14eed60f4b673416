"""Sorts the errors of the other services, once.

What another try may mend (no connection, no room, no time, a fault of the server's) is `CallFailed`; what it
cannot mend (an unknown model, a refused request) ends the run under its own name. The words of a `CallFailed`
are fixed: what grpc says of a connection holds addresses and is for the log alone.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

from autoflow import errors
from autoflow.client import RpcError
from autoflow.client import errors as rpc
from autoflow_worker.ports import CallFailed

_log = logging.getLogger(__name__)

_ENDS_THE_RUN: Mapping[type[RpcError], Callable[[str], errors.AutoFlowError]] = MappingProxyType(
    {
        # A refused request is a fault between services, not of whoever created the run.
        rpc.InvalidArgument: errors.FailedPrecondition,
        rpc.FailedPrecondition: errors.FailedPrecondition,
        rpc.Unimplemented: errors.FailedPrecondition,
        rpc.NotFound: errors.NotFound,
        rpc.Unauthenticated: errors.Unauthenticated,
        rpc.PermissionDenied: errors.Unauthenticated,
    }
)


@contextmanager
def sorted_errors(service: str) -> Iterator[None]:
    """Raises a service's errors as those of `autoflow_worker.ports`.

    Raises:
        CallFailed: another try may succeed.
        AutoFlowError: no other try can.
    """
    try:
        yield
    except RpcError as error:
        if kind := _ENDS_THE_RUN.get(type(error)):
            raise kind(f"the {service} refuses: {error}") from error
        raise call_failed(service, error) from error


def call_failed(service: str, error: RpcError) -> CallFailed:
    """The failure of a call that another try may mend."""
    _log.warning("the %s could not serve: %s", service, error)
    code = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(error).__name__).upper()
    return CallFailed(f"the {service} could not serve: {code}", error.details.retry_after or 0.0)
