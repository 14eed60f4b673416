"""Reads JSON strictly: every field is of its type and within its limit, and none is unknown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from autoflow.suites.loading.files import refusal


class Record:
    """One JSON object whose fields are taken out one by one."""

    def __init__(self, value: object, place: str) -> None:
        if not isinstance(value, dict):
            raise refusal(place, f"here must be an object, not {_shown(value)}")
        self._fields: dict[str, Any] = dict(value)
        self.place = place

    def text(self, key: str, limit: int, default: str | None = None) -> str:
        """A string of at most `limit` characters, and of at least one unless the default is empty."""
        value = sound_text(self._taken(key, default), limit, f"{self.place}, {key!r}")
        if not value.strip() and default != "":
            raise refusal(self.place, f"{key!r} must not be empty")
        return value

    def one_of(self, key: str, choices: Mapping[str, Any], default: str | None = None) -> Any:
        """What one of the names stands for."""
        value = self._taken(key, default)
        if not isinstance(value, str) or value not in choices:
            raise refusal(self.place, f"{key!r} must be one of {', '.join(choices)}, not {_shown(value)}")
        return choices[value]

    def flag(self, key: str) -> bool:
        """True or false; false where it is left out."""
        value = self._taken(key, False)
        if not isinstance(value, bool):
            raise refusal(self.place, f"{key!r} must be true or false, not {_shown(value)}")
        return value

    def items(self, key: str, limit: int, default: list[object] | None = None) -> list[object]:
        """A list of 1 to `limit` items."""
        value = self._taken(key, default)
        if not isinstance(value, list) or not 1 <= len(value) <= limit:
            raise refusal(self.place, f"{key!r} must be a list of 1 to {limit} items, not {_shown(value)}")
        return value

    def value(self, key: str) -> object:
        """Whatever stands there."""
        return self._taken(key, None)

    def has(self, key: str) -> bool:
        """Whether a field is there and was not taken yet."""
        return key in self._fields

    def finish(self) -> None:
        """Refuses fields that nobody asked for."""
        if self._fields:
            raise refusal(self.place, f"there is no field {sorted(self._fields)[0]!r}")

    def _taken(self, key: str, default: object) -> object:
        if key not in self._fields and default is None:
            raise refusal(self.place, f"the field {key!r} is missing")
        return self._fields.pop(key, default)


def parsed(text: str, place: str) -> Record:
    """Reads one JSON object.

    Raises:
        InvalidArgument: it is none, or a key is there twice.
    """
    try:
        return Record(json.loads(text, object_pairs_hook=_unique), place)
    except json.JSONDecodeError as error:
        raise refusal(place, f"it is no JSON: {error.msg} in column {error.colno}") from None
    except _Twice as error:
        raise refusal(place, f"the field {error.args[0]!r} is there twice") from None
    # Python reads neither numbers of thousands of digits nor thousands of brackets.
    except (ValueError, RecursionError):
        raise refusal(place, "its JSON is too long or too deep to be read") from None


def sound_text(value: object, limit: int, place: str) -> str:
    """A string that can be sent.

    Raises:
        InvalidArgument: it is no string, has more than `limit` characters, or half of a surrogate pair.
    """
    if not isinstance(value, str):
        raise refusal(place, f"here must be a text, not {_shown(value)}")
    if len(value) > limit:
        raise refusal(place, f"a text has {len(value)} characters, but at most {limit} are allowed")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise refusal(place, "a text has half of a surrogate pair, which is no character")
    return value


class _Twice(Exception):
    """A key occurs twice."""


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields: dict[str, object] = {}
    for key, value in pairs:
        if key in fields:
            raise _Twice(key)
        fields[key] = value
    return fields


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."
