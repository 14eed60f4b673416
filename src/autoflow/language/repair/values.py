"""What JSON, XML and calls of functions hold: objects with their lines, and where the text cut one off.

A value that the end of the text cut off is an object that says so, or a list that ends with one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from autoflow.language.diagnostics import quoted
from autoflow.language.repair.changes import Changes
from autoflow.language.repair.keyed import NAME, key_kind


@dataclass(frozen=True, slots=True)
class Object:
    """An object, and where it is."""

    line: int
    """Where it begins in the text, from 1."""
    values: dict[str, Any]
    """Texts, numbers, lists and further objects by their keys."""
    cut: bool = False
    """Whether the text ends before the object does; one without values stands for what may have followed."""


def parted(value: Any) -> tuple[Any, Any]:
    """Returns a list or an object without the part of it that is cut off, and that part, or None."""
    if isinstance(value, list) and value and _is_cut(value[-1]):
        return value[:-1], value[-1]
    if isinstance(value, Object) and value.cut:
        for key, each in value.values.items():
            if _is_cut(each):
                whole = {other: values for other, values in value.values.items() if other != key}
                return Object(value.line, whole), each
    return value, None


def tell_cut(part: Any, changes: Changes) -> None:
    """Tells that a step is left out, for it is cut off; nothing where a step ends before the text does."""
    while isinstance(part, list) and part:
        part = part[0]
    if isinstance(part, Object) and part.values:
        names = [
            each for key, each in part.values.items() if key_kind(key, NAME) and isinstance(each, str | int)
        ]
        what = quoted(str(names[0])) if names and names[0] != "" else "The last step"
        changes.add("removed-step", part.line, f"{what} is cut off before it ends and left out.")


def _is_cut(value: Any) -> bool:
    while isinstance(value, list) and value:
        value = value[-1]
    return isinstance(value, Object) and value.cut
