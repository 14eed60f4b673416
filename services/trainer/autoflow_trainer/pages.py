"""Where the result of a run names its page, read without reading the result."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from autoflow.v1 import run_pb2
from autoflow_trainer.convert import run_kind
from autoflow_trainer.runs import Run

_LENGTH_DELIMITED = 2
"""The wire type of texts and messages: their length goes before them."""
_FIXED: Mapping[int, int] = MappingProxyType({1: 8, 5: 4})
"""Bytes of the wire types of a fixed length: doubles, floats and their like."""
_PAGES: Mapping[str, int] = MappingProxyType(
    {
        "optimization": run_pb2.OptimizationResult.PAGE_FIELD_NUMBER,
        "evaluation": run_pb2.EvaluationResult.PAGE_FIELD_NUMBER,
        "matrix": run_pb2.MatrixResult.PAGE_FIELD_NUMBER,
    }
)
"""Where the results of each kind of run name their page."""


def page_digest(run: Run) -> str:
    """The artifact of a run's page; empty where it has none, or none yet."""
    return _text_field(run.result, _PAGES[run_kind(run)]) if run.result else ""


def _text_field(message: bytes, number: int) -> str:
    """A text at the top of an encoded message; empty where it is not set.

    What lies before it is skipped. To parse a result of 60 MB instead would hold up all other calls, in a
    thread as well, for the parser keeps the interpreter's lock.
    """
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        match tag & 7:
            case wire_type if wire_type in _FIXED:
                at += _FIXED[wire_type]
            case wire_type:
                value, at = _varint(message, at)
                if wire_type == _LENGTH_DELIMITED:
                    if tag >> 3 == number:
                        return message[at : at + value].decode()
                    at += value
    return ""


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """The number that is encoded there, and where it ends."""
    value = shift = 0
    while message[at] & 0x80:
        value |= (message[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
    return value | message[at] << shift, at + 1
