"""The commands that README.md and docs/optimization.md show are there, with the options that are shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from autoflow.cli.app import app

_ROOT = Path(__file__).parents[2]
_COMMAND = re.compile(r"^(?:\$ )?autoflow ([a-z]+(?: [a-z]+)?)(.*)$", re.MULTILINE)
_OPTION = re.compile(r"(?<![-\w])--[a-z][a-z-]*")
_GROUPS = {"executions", "runs", "workflows", "suites", "config", "models", "metrics", "tools", "backup"}


def commands(page: str) -> list[tuple[str, ...]]:
    """Each command line of a page: the command, then its options."""
    found = []
    for words, rest in _COMMAND.findall((_ROOT / page).read_text()):
        command = words.split() if words.split()[0] in _GROUPS else words.split()[:1]
        found.append((" ".join(command), *_OPTION.findall(rest.partition("#")[0])))
    return found


@pytest.mark.parametrize(
    ("page", "least"),
    [
        ("README.md", {"optimize", "compare", "matrix", "runs list", "workflows create"}),
        ("docs/optimization.md", {"optimize", "matrix"}),
    ],
)
def test_every_command_is_one_and_has_the_options(page: str, least: set[str]) -> None:
    shown = commands(page)
    assert {command for command, *_ in shown} >= least
    for command, *options in shown:
        told = CliRunner().invoke(app, [*command.split(), "--help"], env={"COLUMNS": "200"})
        assert told.exit_code == 0, command
        assert set(options) <= set(_OPTION.findall(told.output)), command
