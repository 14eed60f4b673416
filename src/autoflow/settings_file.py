"""Settings that are a file: YAML, and what a model of pydantic makes of it.

The loader is a safe one, and a stricter one: a key that is there twice is refused. Errors name the file and
the place in it with its line, and never quote what it says, which may be a secret.

Needs yaml and pydantic, which an installation has whose services read such files.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from autoflow.settings import SettingsError

Model = TypeVar("Model", bound=BaseModel)


class Strict(BaseModel):
    """What is in a file: nothing but its fields, and never quoted in an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def read_settings_file(model: type[Model], path: Path, variable: str) -> Model:
    """Reads a file.

    Args:
        model: what it must be.
        path: the file; `~` is the user's folder.
        variable: the setting that names the file.

    Raises:
        SettingsError: it cannot be read, or says something else.
    """
    path = path.expanduser()
    try:
        return model.model_validate(read_yaml(path))
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        places = (place_in(path, one["loc"]) for one in found)
        words = (one["msg"].removeprefix("Value error, ") for one in found)
        said = (f"{place}: {word}" if place else word for place, word in zip(places, words, strict=True))
        raise SettingsError(f"{variable}: {path}: {'; '.join(said)}") from None
    except SettingsError as error:
        raise SettingsError(f"{variable}: {error}") from None


def plain_url(url: str) -> str:
    """The URL itself, of a service; for `AfterValidator`.

    Raises:
        ValueError: it is none, or it holds what is none of a file's business, such as a password.
    """
    wrong = ValueError("it reads http://HOST/PATH or https://HOST/PATH")
    try:
        parts = urlsplit(url)
        # Reading the port checks it.
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
            raise wrong
    except ValueError:
        # The library's own words may quote the URL.
        raise wrong from None
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("a URL here holds no user, password, query or fragment; keys go into variables")
    return url


def read_yaml(path: Path) -> Any:
    """What a file says.

    Raises:
        SettingsError: it cannot be read.
    """
    try:
        return yaml.load(path.read_bytes(), _Loader)
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror or 'it cannot be read'}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: {_where(error)}") from None


def place_in(path: Path, keys: Sequence[str | int]) -> str:
    """Where in a file something is, such as `sources.0.name (line 2)`; empty for the whole file.

    Args:
        path: a file that could be read before.
        keys: the way to it: keys of mappings and places in lists. What is missing has the line of whatever it
            is missing in.
    """
    node = yaml.compose(path.read_bytes(), _Loader)
    for key in keys:
        inner = _inner(node, key)
        if inner is None:
            break
        node = inner
    place = ".".join(map(str, keys))
    return f"{place} (line {node.start_mark.line + 1})" if place and node is not None else place


def _inner(node: yaml.Node | None, key: str | int) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        return next((value for name, value in node.value if name.value == str(key)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
        inner: yaml.Node = node.value[key]
        return inner
    return None


class _Twice(yaml.constructor.ConstructorError):
    """A key is there twice."""


class _Loader(yaml.SafeLoader):
    """Refuses a key that is there twice; YAML says that keys are unique, yaml takes the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise _Twice(problem_mark=key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def _where(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return "it is not YAML"
    what = "a key is there twice" if isinstance(error, _Twice) else "it is not YAML"
    return f"{what} (line {mark.line + 1}, column {mark.column + 1})"
