"""Reads the templates, which are files beside this module. `$name` in one is filled in; `$$` is a dollar."""

from __future__ import annotations

from functools import cache
from importlib import resources
from string import Template


def filled(name: str, /, **values: str | int) -> str:
    """A template with its values; what stands in a value is never filled in itself.

    Args:
        name: of the file, without its suffix.
        values: all that the template names.

    Raises:
        KeyError: the template names another value.
    """
    return _template(name).substitute(values)


@cache
def _template(name: str) -> Template:
    file = resources.files(__package__) / "templates" / f"{name}.txt"
    return Template(file.read_text(encoding="utf-8"))
