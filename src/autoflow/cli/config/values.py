"""What an environment makes of the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autoflow.cli.config.describe import Setting, settings_of
from autoflow.cli.config.registry import installed
from autoflow.settings import from_env


@dataclass(frozen=True, slots=True)
class Value:
    """A setting and its value."""

    setting: Setting
    value: str | None
    """As text, without secrets; None where a required variable is not set."""
    source: str
    """`environment` or `default`; `not set` for a required variable that is missing."""


def every_setting() -> list[Setting]:
    """The settings of all that is installed; one that several read is there once for each class."""
    return [setting for source, kind in installed() for setting in settings_of(source, kind)]


def every_value(env: Mapping[str, str]) -> list[Value]:
    """What each setting is in an environment.

    A required variable that is missing is no failure: not every process needs each.

    Args:
        env: the environment.

    Raises:
        SettingsError: a variable cannot be read, or its value is refused; names it.
    """
    found: list[Value] = []
    for source, kind in installed():
        settings = list(settings_of(source, kind))
        missing = {
            setting.variable for setting in settings if setting.required and not env.get(setting.variable)
        }
        # What is there is checked as the service would, so that one command tells before it starts.
        read = from_env(kind, {**env, **dict.fromkeys(missing, _STAND_IN)}, prefix=source.prefix)
        found += [_value(setting, read, env, missing) for setting in settings]
    return found


_STAND_IN = "not-set"
"""For a required text that is missing, so that the others can be checked."""


def _value(setting: Setting, read: Any, env: Mapping[str, str], missing: set[str]) -> Value:
    if setting.variable in missing:
        return Value(setting, None, "not set")
    source = "environment" if env.get(setting.variable) else "default"
    return Value(setting, setting.shown(getattr(read, setting.field)), source)
