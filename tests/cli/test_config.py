"""`autoflow config`: every setting is explained, and shown without its secrets."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from autoflow.cli import app
from autoflow.cli.config.describe import MASK, settings_of
from autoflow.cli.config.registry import SOURCES, Source, installed
from autoflow.cli.config.values import every_setting, every_value
from autoflow.settings import SettingsError
from tests.cli.harness import ROOT, autoflow


@dataclass(frozen=True)
class Example:
    home: Path
    """Where
    it is."""
    url: str = "postgresql://me:hidden@host/db?sslpassword=hidden&x=1"
    """First."""
    other: str = "plain"
    max_tokens: int = 5
    """How many."""
    api_key: str = "hidden"
    """A key."""
    told: str = field(default="hidden", repr=False)
    """Not for eyes."""


EXAMPLE = {setting.field: setting for setting in settings_of(Source("all", __name__, "Example"), Example)}


def read_from_environments() -> Iterator[str]:
    """The names of the classes that the code hands to `from_env`."""
    for folder in ("src", "services"):
        for path in (ROOT / folder).rglob("*.py"):
            if "/cli/config/" in path.as_posix():
                continue  # It reads those that are registered.
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "from_env":
                    yield ast.unparse(node.args[0])


def test_every_class_that_is_read_from_an_environment_is_registered() -> None:
    kinds = [kind for _, kind in installed()]
    assert len(kinds) == len(SOURCES)
    assert {kind.__name__ for kind in kinds} <= set(read_from_environments())
    # A class that others extend is listed with them.
    assert set(read_from_environments()) <= {base.__name__ for kind in kinds for base in kind.__mro__}


def test_every_setting_has_a_meaning() -> None:
    assert [setting.variable for setting in every_setting() if not setting.meaning] == []


def variables_of_options(command: Any) -> Iterator[str]:
    """Those of a command and of all commands below it."""
    yield from (option.envvar for option in command.params if option.envvar is not None)
    for inner in getattr(command, "commands", {}).values():
        yield from variables_of_options(inner)


def test_every_variable_that_an_option_reads_is_explained() -> None:
    read = set(variables_of_options(get_command(app)))

    assert "AUTOFLOW_DATA" in read
    assert read <= {setting.variable for setting in every_setting()}


async def test_a_variable_of_the_command_line_that_cannot_be_read_is_named() -> None:
    refused = await autoflow("config", "explain", env={"AUTOFLOW_DEBUG": "perhaps"})

    assert (refused.code, refused.error) == (2, "autoflow: AUTOFLOW_DEBUG cannot be read as true or false")


def test_every_field_is_a_setting() -> None:
    expected = [source.prefix + item.name.upper() for source, kind in installed() for item in fields(kind)]
    assert [setting.variable for setting in every_setting()] == expected


def test_a_setting_says_what_its_docstring_says() -> None:
    assert EXAMPLE["home"].meaning == "Where it is."
    assert EXAMPLE["home"].required
    assert (EXAMPLE["url"].meaning, EXAMPLE["other"].meaning) == ("First.", "First.")
    assert (EXAMPLE["max_tokens"].type, EXAMPLE["max_tokens"].default) == ("whole number", 5)


def test_secrets_are_masked_and_nothing_else() -> None:
    shown = {
        name: setting.shown(setting.default) for name, setting in EXAMPLE.items() if not setting.required
    }

    assert shown == {
        "url": f"postgresql://{MASK}@host/db?sslpassword={MASK}&x=1",
        "other": "plain",
        "max_tokens": "5",
        "api_key": MASK,
        "told": MASK,
    }


def test_a_value_says_where_it_is_from() -> None:
    values = {value.setting.variable: value for value in every_value({"AUTOFLOW_UNARY_DEADLINE": "2"})}

    assert (values["AUTOFLOW_UNARY_DEADLINE"].value, values["AUTOFLOW_UNARY_DEADLINE"].source) == (
        "2.0",
        "environment",
    )
    assert values["AUTOFLOW_STREAM_DEADLINE"].source == "default"
    assert (values["AUTOFLOW_RUN_TOKEN"].value, values["AUTOFLOW_RUN_TOKEN"].source) == (None, "not set")


def test_a_value_that_the_service_would_refuse_is_refused() -> None:
    with pytest.raises(SettingsError, match="AUTOFLOW_LAUNCHER"):
        every_value({"AUTOFLOW_LAUNCHER": "rockets"})


async def test_explain_lists_every_variable_as_json_and_for_people() -> None:
    as_json = await autoflow("config", "explain", "--json")
    in_words = await autoflow("config", "explain")

    listed = {setting["variable"] for setting in as_json.document["settings"]}
    assert {"AUTOFLOW_ADDRESS", "AUTOFLOW_DATABASE_URL", "OTEL_TRACES_EXPORTER"} <= listed
    assert listed == {line.split()[0] for line in in_words.out.splitlines() if line[0] not in "# "}


async def test_show_tells_values_and_never_secrets() -> None:
    env = {"AUTOFLOW_RUN_TOKEN": "hidden", "AUTOFLOW_DATABASE_URL": "postgresql://me:hidden@host/db"}
    shown = await autoflow("config", "show", env=env)

    assert shown.code == 0
    assert "hidden" not in shown.out + shown.err
    assert f"AUTOFLOW_DATABASE_URL=postgresql://{MASK}@host/db  (environment)" in shown.out.splitlines()


async def test_show_names_the_variable_that_cannot_be_read() -> None:
    shown = await autoflow("config", "show", env={"AUTOFLOW_MAX_ROWS": "hidden"})

    assert shown.code == 2
    assert shown.error == "autoflow: AUTOFLOW_MAX_ROWS cannot be read as a whole number"
