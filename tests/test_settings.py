"""Settings from an environment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from autoflow.settings import SettingsError, from_env


@dataclass(frozen=True)
class Example:
    url: str
    count: int = 3
    share: float = 0.5
    loud: bool = False
    home: Path = Path("/nowhere")


def test_every_type_is_read() -> None:
    env = {
        "AUTOFLOW_URL": "memory://",
        "AUTOFLOW_COUNT": "7",
        "AUTOFLOW_SHARE": "0.25",
        "AUTOFLOW_LOUD": "TRUE",
        "AUTOFLOW_HOME": "/somewhere",
        "COUNT": "9",
    }

    assert from_env(Example, env) == Example("memory://", 7, 0.25, True, Path("/somewhere"))


def test_what_is_missing_or_empty_keeps_its_default() -> None:
    assert from_env(Example, {"AUTOFLOW_URL": "x", "AUTOFLOW_COUNT": ""}) == Example("x")


def test_a_missing_variable_without_default_is_named() -> None:
    with pytest.raises(SettingsError, match=r"^AUTOFLOW_URL is not set$"):
        from_env(Example, {})


@pytest.mark.parametrize(
    ("variable", "what"),
    [
        ("AUTOFLOW_COUNT", "a whole number"),
        ("AUTOFLOW_SHARE", "a number"),
        ("AUTOFLOW_LOUD", "true or false"),
    ],
)
def test_a_wrong_value_is_named_and_not_shown(variable: str, what: str) -> None:
    with pytest.raises(SettingsError, match=f"^{variable} cannot be read as {what}$"):
        from_env(Example, {"AUTOFLOW_URL": "x", variable: "secret"})
