"""Settings are frozen dataclasses, read from an environment that the caller hands over.

A field `drain_grace` is the variable `AUTOFLOW_DRAIN_GRACE`; a variable that is missing or empty leaves the
field's default. Left out: files, nested settings, and lists. Unknown variables are ignored, since one
environment serves several services.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    SettingsT = TypeVar("SettingsT", bound=DataclassInstance)
else:
    SettingsT = TypeVar("SettingsT")

PREFIX = "AUTOFLOW_"


class SettingsError(ValueError):
    """A variable is missing or cannot be read; the message names it."""


def from_env(settings: type[SettingsT], env: Mapping[str, str], *, prefix: str = PREFIX) -> SettingsT:
    """Reads settings from an environment.

    Args:
        settings: a dataclass whose fields are of type str, int, float, bool or Path.
        env: the environment, such as `os.environ`.
        prefix: what every variable begins with.

    Returns:
        The settings.

    Raises:
        SettingsError: a field without default has no variable, or a variable does not read as its type.
    """
    types = get_type_hints(settings)
    values: dict[str, Any] = {}
    for field in fields(settings):
        variable = prefix + field.name.upper()
        if text := env.get(variable, ""):
            values[field.name] = _read(variable, text, _READERS[types[field.name]])
        elif field.default is MISSING and field.default_factory is MISSING:
            raise SettingsError(f"{variable} is not set")
    return settings(**values)


def _read(variable: str, text: str, reader: Callable[[str], object]) -> object:
    try:
        return reader(text)
    except (KeyError, ValueError):
        # The value stays out of the message: a variable may hold a secret.
        raise SettingsError(f"{variable} cannot be read as {_NAMES[reader]}") from None


def _boolean(text: str) -> bool:
    return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[text.lower()]


_READERS: Mapping[type, Callable[[str], object]] = {
    str: str,
    int: int,
    float: float,
    bool: _boolean,
    Path: Path,
}
_NAMES: Mapping[Callable[[str], object], str] = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    _boolean: "true or false",
    Path: "a path",
}
