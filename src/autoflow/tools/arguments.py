"""Judges a call's arguments by the tool's JSON Schema before anything is called.

What is wrong is told in words from which a model can do better: where it is, what is wrong, what is allowed.
The arguments are one JSON object and are never taken apart in any other way.

Only references within a schema are followed, and nothing is fetched. `format` is a note and not judged. It
does not protect against a schema that is made to be slow (a `pattern` runs as it is): schemas come from the
sources that the settings name, which are trusted so far.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

MOST_CHARACTERS = 100_000
"""Of arguments: the contract's limit for a text."""
_TOLD = 3
"""Findings that are told at once."""
_QUOTED = 80
_MOST_SCHEMA = 20_000
"""Characters: the contract's limit."""


class InvalidArguments(Exception):
    """The arguments are none for this tool; the message says why."""


class Arguments:
    """Judges the arguments of one tool.

    Args:
        schema: a JSON Schema; draft 2020-12 where it does not say otherwise.

    Raises:
        ValueError: it is none, or one that describes no JSON object.
    """

    def __init__(self, schema: str) -> None:
        if len(schema) > _MOST_SCHEMA:
            raise ValueError(f"it has {len(schema)} characters; {_MOST_SCHEMA} are allowed")
        try:
            document = json.loads(schema)
            if not isinstance(document, dict) or document.get("type") != "object":
                raise ValueError("it is not of type object")
            self._validator = _validator(document)
        except json.JSONDecodeError:
            raise ValueError("it is not JSON") from None
        except RecursionError:
            raise ValueError("it is nested too deeply") from None
        self._names = tuple(document.get("properties", {}))

    def read(self, text: str) -> dict[str, Any]:
        """The arguments that a text says.

        Args:
            text: JSON.

        Raises:
            InvalidArguments: it says none by the schema.
        """
        from referencing.exceptions import Unresolvable

        try:
            arguments = _object(text)
            errors = sorted(self._validator.iter_errors(arguments), key=lambda error: error.json_path)
        except Unresolvable:
            raise InvalidArguments("the tool's schema refers to what is not in it") from None
        except RecursionError:
            raise InvalidArguments("the arguments are nested too deeply") from None
        if errors:
            told = "; ".join(dict.fromkeys(self._words(error) for error in errors[:_TOLD]))
            more = f"; and {len(errors) - _TOLD} more" if len(errors) > _TOLD else ""
            raise InvalidArguments(f"the arguments are wrong: {told}{more}")
        return arguments

    def _words(self, error: ValidationError) -> str:
        place = _place(error.absolute_path)
        match error.validator:
            case "additionalProperties" if not error.absolute_path:
                allowed = ", ".join(self._names) or "none"
                return f"{place}: {error.message[: 2 * _QUOTED]}; allowed are: {allowed}"
            case "required" | "enum" | "const":
                return f"{place}: {error.message[: 4 * _QUOTED]}"
            case _:
                allowed = json.dumps(error.validator_value, ensure_ascii=False)
                said = f"{_short(error.instance)} does not fit"
                return f"{place}: {said}; allowed is: {error.validator} {allowed[: 4 * _QUOTED]}"


def _validator(schema: dict[str, Any]) -> Validator:
    # Where all that judges formats is installed, which is not used here, the package takes seconds to import.
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError
    from jsonschema.validators import validator_for
    from referencing import Registry

    kind = validator_for(schema, default=Draft202012Validator)
    try:
        kind.check_schema(schema)
    except SchemaError as error:
        raise ValueError(f"{_place(error.absolute_path)}: {error.message[:_QUOTED]}") from None
    # An empty registry: what a schema refers to outside of itself is not found, and never fetched.
    return kind(schema, registry=Registry())


def _object(text: str) -> dict[str, Any]:
    if len(text) > MOST_CHARACTERS:
        raise InvalidArguments(f"the arguments have {len(text)} characters; {MOST_CHARACTERS} are allowed")
    try:
        found = json.loads(text, parse_constant=_no_number, parse_float=_finite, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        raise InvalidArguments(
            f"the arguments are not JSON: {error.msg} (line {error.lineno}, column {error.colno});"
            ' allowed is one object, such as {"name": "value"}'
        ) from None
    except ValueError as error:
        raise InvalidArguments(f"the arguments are not JSON: {error}") from None
    try:
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise InvalidArguments("the arguments have half of a character, such as \\ud800 alone") from None
    if not isinstance(found, dict):
        raise InvalidArguments(
            f'the arguments are {_short(found)}; allowed is one JSON object, such as {{"name": "value"}}'
        )
    return found


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word[:_QUOTED]} is no number that can be sent")


def _finite(word: str) -> float:
    number = float(word)
    return number if math.isfinite(number) else _no_number(word)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is there twice in one object")
    return found


def _place(path: Iterable[str | int]) -> str:
    """Such as `stops[0].city`; the whole where the path is empty."""
    words = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return words.lstrip(".") or "the whole"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _QUOTED else f"{text[:_QUOTED]}…"
