"""Messages of the contracts as JSON that people and jq like to read.

It is the JSON mapping of protobuf with two changes: names are those of the proto, and 64-bit integers are
numbers, not strings. Every one that the contracts have is a count far below 2^53.
"""

from __future__ import annotations

from datetime import UTC
from typing import Any, TypeAlias, cast

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import error_details_pb2  # noqa: F401  # What a status packs is only readable once it is loaded.

Json: TypeAlias = dict[str, Any]

_LARGE = frozenset({FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64})


def to_json(message: Message) -> Json:
    """A message as a JSON object; fields that hold their default are there too, since 0 is a reward."""
    value: Json = MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    _number(cast("Descriptor", message.DESCRIPTOR), value)
    return value


def enum_word(enum: EnumDescriptor, prefix: str, value: int) -> str:
    """A value of an enum in words, such as `step limit`; its number where a newer server has sent it.

    Args:
        enum: the enum.
        prefix: what every name begins with, such as `RUN_STATE_`.
        value: the value.
    """
    known = enum.values_by_number.get(value)
    return str(value) if known is None else known.name.removeprefix(prefix).replace("_", " ").lower()


def local_time(stamp: Timestamp, *, zone: bool = False) -> str:
    """A point in time, in the time zone of whoever reads it.

    Args:
        stamp: when.
        zone: whether the zone is told, for those who read it elsewhere.
    """
    form = f"%Y-%m-%d %H:%M:%S{' %Z' if zone else ''}"
    return stamp.ToDatetime().replace(tzinfo=UTC).astimezone().strftime(form)


def _number(descriptor: Descriptor, value: Json) -> None:
    for field in descriptor.fields:
        found = value.get(field.name)
        if found is None:
            continue
        if field.cpp_type in _LARGE:
            value[field.name] = [int(item) for item in found] if isinstance(found, list) else int(found)
        elif field.message_type is not None:
            # A well-known type, such as a time, is a string.
            for item in found if isinstance(found, list) else [found]:
                if isinstance(item, dict):
                    _number(field.message_type, item)
