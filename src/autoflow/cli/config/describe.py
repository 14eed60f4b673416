"""What a settings class says of itself: variables, types, defaults, and the docstrings below its fields.

The docstrings are read from the class' source, which is their one place.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

from autoflow.cli.config.registry import Source

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_SECRET_NAME = re.compile(r"(?:^|_)(?:token|secret|password|key|headers|credentials)$")
_USER_INFO = re.compile(r"(?<=://)[^/@\s]*@")
_SECRET_PARAMETER = re.compile(r"(?i)((?:password|passwd|secret|token|key)=)[^&\s]+")
MASK = "***"
_TYPES: Mapping[type, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    Path: "path",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One variable."""

    variable: str
    field: str
    """The name of the class' field."""
    type: str
    """In words."""
    required: bool
    """Whether there is no default."""
    default: Any
    """None where it is required."""
    meaning: str
    readers: str
    secret: bool
    """Whether its value is never shown."""

    def shown(self, value: Any) -> str:
        """A value as text, without what is secret in it."""
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if self.secret:
            return MASK if text else ""
        # Whoever puts a password into an address means it for the address' server alone.
        return _SECRET_PARAMETER.sub(rf"\1{MASK}", _USER_INFO.sub(f"{MASK}@", text))


def settings_of(source: Source, kind: type[DataclassInstance]) -> Iterator[Setting]:
    """The settings of a class, in its order.

    Args:
        source: where the class is from.
        kind: the class.
    """
    types = get_type_hints(kind)
    meanings = _meanings(kind)
    for field in fields(kind):
        default = _default(field)
        yield Setting(
            variable=source.prefix + field.name.upper(),
            field=field.name,
            type=_TYPES[types[field.name]],
            required=default is MISSING,
            default=None if default is MISSING else default,
            meaning=meanings.get(field.name, ""),
            readers=source.readers,
            secret=not field.repr or _SECRET_NAME.search(field.name) is not None,
        )


def _default(field: Field[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()


def _meanings(kind: type[DataclassInstance]) -> dict[str, str]:
    """The docstrings of the fields, inherited ones included."""
    classes = [base for base in reversed(kind.__mro__) if is_dataclass(base)]
    return {name: meaning for base in classes for name, meaning in _own_meanings(base).items()}


def _own_meanings(kind: type[DataclassInstance]) -> dict[str, str]:
    """Those of a class itself; a field that has none shares its neighbour's above."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
    (definition,) = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    meanings: dict[str, str] = {}
    name, last = "", ""
    for node in definition.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name = node.target.id
            meanings[name] = last
        elif name and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            last = meanings[name] = " ".join(inspect.cleandoc(str(node.value.value)).split())
            name = ""
    return meanings
