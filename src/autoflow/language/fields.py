"""What one field of the CoRE language may hold, and when two names are the same name.

The model refuses what the text cannot carry, and the parser reads around it. Both use the definitions
here, so that whatever the parser produces the model accepts. Every function runs in linear time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, TypeVar

FIELD_SEPARATOR: Final = ":::"
BRANCH_SEPARATOR: Final = "::"

UNREPRESENTABLE: Final = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff]")
"""Line breaks and control characters (tab excepted), lone surrogates and the byte order mark."""

# Nothing may follow the outer repetition: as it stands it cannot backtrack.
_NAME_PREFIX = re.compile(r"(?:[*`:\s]|(?:[-+•>]|#{1,6}|\(?\d{1,4}[.)])\s)+")
_WHITESPACE = "".join(char for char in map(chr, range(0x3001)) if char.isspace())
_NAME_SUFFIX = _WHITESPACE + "*`:"
_EDGES = _WHITESPACE + ":"
_COLONS = re.compile(":{2,}")
_REMEMBERED_CHARS = 32
"""Of the longest name that is remembered. Names are few, short and met many times over."""
_PUNCTUATION = ".,;!\"'()[]<>" + _WHITESPACE
_Declared = TypeVar("_Declared")


def check_field(what: str, value: str, *, may_be_empty: bool = False) -> None:
    """Refuses a field value that the text could not carry unchanged.

    Args:
        what: Name of the field, for the message.
        value: The value to check.
        may_be_empty: Whether the empty string is acceptable.

    Raises:
        ValueError: The value is empty, contains ``::``, a line break or a control character, or begins or
            ends with whitespace or a colon.
    """
    if not value and not may_be_empty:
        raise ValueError(f"{what} is empty")
    if UNREPRESENTABLE.search(value):
        raise ValueError(f"{what} contains a line break, a control character or a lone surrogate")
    if BRANCH_SEPARATOR in value:
        raise ValueError(f"{what} contains the separator {BRANCH_SEPARATOR!r}")
    if value.strip(_EDGES) != value:
        raise ValueError(f"{what} begins or ends with whitespace or a colon")


def check_name(what: str, value: str) -> None:
    """Refuses a step name that the text could not carry unchanged.

    Raises:
        ValueError: As ``check_field``, or the value begins with a list marker, or begins or ends with ``*``
            or a backtick: the parser takes these for Markdown.
    """
    check = _check_name if len(value) > _REMEMBERED_CHARS else _remembered_check_name
    check(what, value)


def plain_field(text: str) -> str:
    """Returns the text without whitespace and colons at its ends, and with no ``::`` inside."""
    text = text.strip(_EDGES)
    return _COLONS.sub(":", text) if BRANCH_SEPARATOR in text else text


def plain_name(text: str) -> str:
    """Returns the text without list markers, Markdown emphasis and colons around it, nor ``::`` inside."""
    return _plain_name(text) if len(text) > _REMEMBERED_CHARS else _remembered_plain_name(text)


def name_prefix(text: str) -> str:
    """Returns the list markers, Markdown emphasis, colons and whitespace that stand before a name."""
    prefix = _NAME_PREFIX.match(text)
    return prefix.group() if prefix else ""


def name_key(name: str) -> str:
    """Returns what two spellings of one name have in common: case and spacing do not count."""
    return _name_key(name) if len(name) > _REMEMBERED_CHARS else _remembered_name_key(name)


def declared_names(names: tuple[str, ...]) -> dict[str, str]:
    """Returns the spelling of each name by its key; of a duplicate, the first spelling."""
    declared: dict[str, str] = {}
    for name in names:
        declared.setdefault(name_key(name), name)
    return declared


def resolve_target(target: str, declared: Mapping[str, _Declared]) -> _Declared | None:
    """Returns what is declared by the name, given by its key, that a target means, or None.

    A target may differ from the name in case and spacing, and in punctuation around it ("step 2.").
    """
    meant = declared.get(name_key(target))
    return meant if meant is not None else declared.get(name_key(target.strip(_PUNCTUATION)))


def _check_name(what: str, value: str) -> None:
    check_field(what, value)
    if plain_name(value) != value:
        raise ValueError(f"{what} begins with a list marker or is wrapped in Markdown")


def _plain_name(text: str) -> str:
    return _COLONS.sub(":", text.removeprefix(name_prefix(text)).rstrip(_NAME_SUFFIX))


def _name_key(name: str) -> str:
    return " ".join(name.split()).casefold()


_remembered_check_name = lru_cache(maxsize=1024)(_check_name)
_remembered_plain_name = lru_cache(maxsize=1024)(_plain_name)
_remembered_name_key = lru_cache(maxsize=1024)(_name_key)
