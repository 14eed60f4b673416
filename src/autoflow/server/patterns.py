"""The patterns of the contracts in words, for people who have got a name wrong.

It knows the parts that names of resources are made of, and reads patterns that put such parts together with
groups, alternatives and what may be left out. Any other pattern has no words here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

_OTHERS: Mapping[str, str] = MappingProxyType(
    {
        r"^[A-Za-z0-9_-]{0,64}$": "must be at most 64 letters, digits, `-` and `_`",
        r"^[A-Za-z0-9][A-Za-z0-9._/-]*$": "must be letters, digits, `.`, `_`, `/` and `-`, "
        "the first of them a letter or a digit",
        r"^[a-z][a-z0-9_-]*$": "must be small letters, digits, `_` and `-`, the first of them a letter",
        r"^[^,\r\n]+$": "must hold no comma and no line break",
    }
)
_SMALL = "1 to 64 small letters, digits and `-`"
_PARTS = (
    ("sha256:[0-9a-f]{64}", "sha256:DIGEST", "DIGEST is 64 digits and letters from a to f"),
    ("[a-z0-9][a-z0-9-]{0,63}", "ID", f"ID is {_SMALL}, the first no `-`"),
    ("[a-z0-9-]{1,64}", "ID", f"ID is {_SMALL}"),
    ("[a-z][a-z0-9-]{0,63}", "ALIAS", f"ALIAS is {_SMALL}, the first a letter"),
    ("[1-9][0-9]{0,8}", "NUMBER", "NUMBER is a whole number from 1"),
)
_SHAPE = re.compile(r"[A-Za-z0-9/@:()?|]+")


def in_words(pattern: str) -> str | None:
    """What a text must be to match.

    Args:
        pattern: of a contract, such as `^runs/[a-z0-9-]{1,64}$`.

    Returns:
        Such as "must read runs/ID; ID is 1 to 64 small letters, digits and `-`"; None where there are none.
    """
    if pattern in _OTHERS:
        return _OTHERS[pattern]
    shape, meanings = pattern.removeprefix("^").removesuffix("$"), []
    for part, name, meaning in _PARTS:
        if part in shape:
            shape = shape.replace(part, name)
            meanings.append(meaning)
    if not _SHAPE.fullmatch(shape):
        return None
    optional = shape.endswith("?")
    whole = _inside(shape.removesuffix("?"))
    told = _told(shape if whole is None else whole)
    if told is None:
        return None
    must = "must be empty, or read" if whole is not None and optional else "must read"
    left_out = ["what stands in [] may be left out"] if "[" in told else []
    return "; ".join((f"{must} {told}", *meanings, *left_out))


def _inside(shape: str) -> str | None:
    """What stands in a group that is the whole shape; None where there is none."""
    depth = 0
    for place, sign in enumerate(shape):
        depth += (sign == "(") - (sign == ")")
        if not depth:
            return shape[1:-1] if place == len(shape) - 1 and place else None
    return None


def _told(shape: str) -> str | None:
    """A shape with what may be left out in brackets; None where there is none, or its groups do not fit."""
    if not shape:
        return None
    told: list[str] = []
    opened: list[int] = []
    for sign, after in zip(shape, shape[1:] + " ", strict=True):
        if sign == "(":
            opened.append(len(told))
            told.append(sign)
        elif sign == ")":
            if not opened:
                return None
            first = opened.pop()
            told[first], last = "[]" if after == "?" else "()"
            told.append(last)
        elif sign == "?":
            # Only a group may be left out.
            if told[-1:] != ["]"]:
                return None
        else:
            told.append(" or " if sign == "|" else sign)
    return "".join(told) if not opened else None
