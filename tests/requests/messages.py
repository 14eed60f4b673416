"""Hypothesis strategies for any message, from its descriptor and its validation rules.

Left out of the rules, because the contracts do not use them: CEL expressions, `in`, maps,
well-known string formats other than `uuid`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st

from buf.validate import validate_pb2

_MAX_DEPTH = 3
"""Below this, nothing but what is required is drawn."""
_MAX_ITEMS = 2
"""So many more items than a list needs."""
_MAX_TEXT = 40
"""Characters of a drawn text, where the rules do not ask for more."""
_MAX_BYTES = 8
"""So many more bytes than a byte string needs."""
_INTEGERS = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}
_CPP_FLOATS = (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT)

Knowledge = Mapping[str, Callable[[], st.SearchStrategy[Any]]]
"""Strategies for what the rules cannot say, by the full name of a field (all of a list) or of a message."""


@dataclass(frozen=True)
class Messages:
    """Draws messages.

    Args:
        knowledge: what takes the place of a field's rules.
        strict: whether the rules are kept; without them anything that a message can hold is drawn.
    """

    knowledge: Knowledge = field(default_factory=dict)
    strict: bool = True

    def of(self, descriptor: Descriptor, depth: int = 0) -> st.SearchStrategy[Message]:
        """A strategy for one type of message."""
        if known := self.knowledge.get(descriptor.full_name):
            return known()
        if descriptor.full_name == "google.protobuf.Duration" and self.strict:
            return st.builds(Duration, seconds=st.integers(1, 3600))
        return self._composed(descriptor, depth)

    def _composed(self, descriptor: Descriptor, depth: int) -> st.SearchStrategy[Message]:
        create = GetMessageClass(descriptor)

        @st.composite
        def compose(draw: st.DrawFn) -> Message:
            values: dict[str, Any] = {}
            for member in descriptor.fields:
                if _real_oneof(member) is None and draw(self._is_set(member, depth)):
                    values[member.name] = draw(self._value(member, depth))
            for oneof in descriptor.oneofs:
                chosen = draw(st.sampled_from(list(oneof.fields)))
                # A oneof of one field that is merely optional was drawn above.
                if _real_oneof(chosen) is not None and draw(
                    st.booleans() if not self.strict else st.just(True)
                ):
                    values[chosen.name] = draw(self._value(chosen, depth))
            return create(**values)

        return compose()

    def _is_set(self, member: FieldDescriptor, depth: int) -> st.SearchStrategy[bool]:
        if self.strict and (_rules(member).required or member.cpp_type != FieldDescriptor.CPPTYPE_MESSAGE):
            return st.just(True)
        if depth >= _MAX_DEPTH and not member.is_repeated:
            return st.just(False)
        return st.just(True) if self.strict and member.is_repeated else st.booleans()

    def _value(self, member: FieldDescriptor, depth: int) -> st.SearchStrategy[Any]:
        if self.strict and (known := self.knowledge.get(member.full_name)):
            return known()
        rules = _rules(member)
        if not member.is_repeated:
            return self._item(member, rules, depth)
        least, unique = rules.repeated.min_items if self.strict else 0, rules.repeated.unique and self.strict
        most = least + (0 if depth >= _MAX_DEPTH else _MAX_ITEMS)
        if rules.repeated.max_items and self.strict:
            most = min(most, rules.repeated.max_items)
        items = self._item(member, rules.repeated.items, depth)
        return st.lists(items, min_size=least, max_size=most, unique=unique)

    def _item(
        self, member: FieldDescriptor, rules: validate_pb2.FieldRules, depth: int
    ) -> st.SearchStrategy[Any]:
        if member.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
            assert member.message_type is not None
            return self.of(member.message_type, depth + 1)
        if not self.strict:
            rules = validate_pb2.FieldRules()
        if member.cpp_type == FieldDescriptor.CPPTYPE_STRING:
            return _bytes(rules) if member.type == FieldDescriptor.TYPE_BYTES else _text(rules)
        if member.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
            return st.just(True) if rules.bool.const else st.booleans()
        if member.cpp_type == FieldDescriptor.CPPTYPE_ENUM:
            return self._enum(member, rules)
        if member.cpp_type in _CPP_FLOATS:
            return _number(getattr(rules, _kind(member)))
        return _integer(getattr(rules, _kind(member)), *_INTEGERS[member.cpp_type])

    def _enum(self, member: FieldDescriptor, rules: validate_pb2.FieldRules) -> st.SearchStrategy[int]:
        assert member.enum_type is not None
        numbers = [value.number for value in member.enum_type.values if value.number not in rules.enum.not_in]
        return st.sampled_from(numbers) if self.strict else st.one_of(st.sampled_from(numbers), st.just(99))


def _rules(member: FieldDescriptor) -> validate_pb2.FieldRules:
    return member.GetOptions().Extensions[validate_pb2.field]


def _real_oneof(member: FieldDescriptor) -> str | None:
    # An `optional` field is a oneof of its own; such are named `_<field>`.
    oneof = member.containing_oneof
    return None if oneof is None or oneof.name == f"_{member.name}" else oneof.name


def _kind(member: FieldDescriptor) -> str:
    return {
        FieldDescriptor.CPPTYPE_INT32: "int32",
        FieldDescriptor.CPPTYPE_INT64: "int64",
        FieldDescriptor.CPPTYPE_UINT32: "uint32",
        FieldDescriptor.CPPTYPE_UINT64: "uint64",
        FieldDescriptor.CPPTYPE_DOUBLE: "double",
        FieldDescriptor.CPPTYPE_FLOAT: "float",
    }[member.cpp_type]


def _text(rules: validate_pb2.FieldRules) -> st.SearchStrategy[str]:
    wanted = rules.string
    if wanted.uuid:
        return st.one_of(st.just(""), st.uuids().map(str))
    longest = wanted.max_len or 2**31
    if wanted.pattern:
        drawn = st.from_regex(re.compile(wanted.pattern, re.ASCII), fullmatch=True)
        return drawn.filter(
            # Python's `$` accepts a line break at the end, the rules' does not.
            lambda text: (
                wanted.min_len <= len(text) <= longest
                and not text.endswith("\n")
                and text not in wanted.not_in
            )
        )
    return st.text(min_size=wanted.min_len, max_size=max(wanted.min_len, min(longest, _MAX_TEXT)))


def _bytes(rules: validate_pb2.FieldRules) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=rules.bytes.min_len, max_size=rules.bytes.min_len + _MAX_BYTES)


def _integer(rules: Any, lowest: int, highest: int) -> st.SearchStrategy[int]:
    if rules.HasField("gte"):
        lowest = rules.gte
    elif rules.HasField("gt"):
        lowest = rules.gt + 1
    if rules.HasField("lte"):
        highest = rules.lte
    return st.integers(lowest, highest).filter(lambda value: value not in rules.not_in)


def _number(rules: Any) -> st.SearchStrategy[float]:
    if not rules.HasField("gte"):
        return st.one_of(st.floats(0, 1), st.sampled_from((math.nan, math.inf, -1e308)))
    return st.floats(rules.gte, rules.lte)
