"""Settings that are a file: YAML, and what a model of pydantic makes of it.

The loader is a safe one, and a stricter one: a key that is there twice is refused. Errors name the file and
the place in it, and never quote what it says, which may be a secret.

Needs yaml and pydantic, which an installation has whose services read such files.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from autoflow.settings import SettingsError

Model = TypeVar("Model", bound=BaseModel)


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
        places = (".".join(map(str, one["loc"])) for one in found)
        words = (one["msg"].removeprefix("Value error, ") for one in found)
        said = (f"{place}: {word}" if place else word for place, word in zip(places, words, strict=True))
        raise SettingsError(f"{variable}: {path}: {'; '.join(said)}") from None
    except SettingsError as error:
        raise SettingsError(f"{variable}: {error}") from None


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
