"""What is said of a name that does not match its pattern."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from hypothesis import given
from hypothesis import strategies as st

import autoflow.v1
from autoflow.server.patterns import in_words
from buf.validate import validate_pb2

ID = "ID is 1 to 64 small letters, digits and `-`"


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("^executions/[a-z0-9-]{1,64}$", f"must read executions/ID; {ID}"),
        ("^(runs/[a-z0-9-]{1,64})?$", f"must be empty, or read runs/ID; {ID}"),
        (
            "^(suites/)?[a-z0-9][a-z0-9-]{0,63}$",
            f"must read [suites/]ID; {ID}, the first no `-`; what stands in [] may be left out",
        ),
        (
            "^(sha256:[0-9a-f]{64}|runs/[a-z0-9-]{1,64})$",
            f"must read sha256:DIGEST or runs/ID; DIGEST is 64 digits and letters from a to f; {ID}",
        ),
        ("^[A-Za-z0-9_-]{0,64}$", "must be at most 64 letters, digits, `-` and `_`"),
        ("^[xyz]+$", None),
        ("^(a))$", None),
        ("^ab?$", None),
        (")(", None),
        ("^()$", None),
    ],
)
def test_a_pattern_has_words_or_none(pattern: str, words: str | None) -> None:
    assert in_words(pattern) == words


@given(st.text("ab/@:()?|[]{}^$", max_size=12))
def test_whatever_the_pattern_there_is_no_error(pattern: str) -> None:
    told = in_words(pattern)
    assert told is None or not re.search(r"[?|{}^$]", told)


def _messages(descriptor: Descriptor) -> Iterator[Descriptor]:
    yield descriptor
    for nested in descriptor.nested_types:
        yield from _messages(nested)


def _patterns(field: FieldDescriptor) -> set[str]:
    rules = field.GetOptions().Extensions[validate_pb2.field]
    return {each for each in (rules.string.pattern, rules.repeated.items.string.pattern) if each}


def test_every_pattern_of_the_contracts_has_words() -> None:
    found: set[str] = set()
    for module in pkgutil.iter_modules(autoflow.v1.__path__):
        if module.name.endswith("_pb2"):
            file = importlib.import_module(f"autoflow.v1.{module.name}").DESCRIPTOR
            for top in file.message_types_by_name.values():
                for message in _messages(top):
                    found |= {pattern for field in message.fields for pattern in _patterns(field)}
    assert len(found) > 5
    assert [pattern for pattern in found if in_words(pattern) is None] == []
