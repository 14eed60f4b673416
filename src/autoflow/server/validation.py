"""Checks requests against the rules that their contracts state (protovalidate).

Only what a rule of a proto says is checked: whether a suite exists, or a workflow lints, is for the domain.
"""

from __future__ import annotations

from google.protobuf.message import Message
from protovalidate import Validator, Violation

from autoflow.server.errors import InvalidRequest
from autoflow.server.patterns import in_words


def validate(validator: Validator, request: Message) -> None:
    """Checks a request.

    Args:
        validator: keeps the compiled rules; make one and keep it.
        request: the message to check.

    Raises:
        InvalidRequest: a rule is broken; names each field.
    """
    if violations := validator.collect_violations(request):
        raise InvalidRequest(tuple((_path(violation), _message(violation)) for violation in violations))


def _message(violation: Violation) -> str:
    """What is wrong, for people who cannot be expected to read a regular expression."""
    words = in_words(str(violation.rule_value)) if violation.proto.rule_id == "string.pattern" else None
    return words or violation.proto.message


def _path(violation: Violation) -> str:
    """`pairs[3].output`: the field as the caller wrote it."""
    path = ""
    field = violation.proto.field
    for element in field.elements if field is not None else ():
        path += f".{element.field_name}" if path else str(element.field_name)
        subscript = element.subscript
        if subscript is not None:
            path += f"[{subscript.value}]"
    return path
