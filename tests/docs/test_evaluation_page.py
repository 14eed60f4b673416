"""What docs/evaluation.md names is there."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

from typer.testing import CliRunner

from autoflow.cli.app import app

_PAGE = (Path(__file__).parents[2] / "docs" / "evaluation.md").read_text()
_OPTION = re.compile(r"(?<!-)--[a-z][a-z-]*")


def test_every_option_is_one() -> None:
    shown = set(_OPTION.findall(_PAGE))
    commands = (["evaluate"], ["compare"], ["runs", "report"])
    helps = [CliRunner().invoke(app, [*command, "--help"]).output for command in commands]
    assert shown <= set(_OPTION.findall("".join(helps)))
    assert shown > {"--budget", "--local", "--out"}


def test_every_benchmark_is_there() -> None:
    for module in re.findall(r"python -m (benchmarks\.\w+)", _PAGE):
        assert importlib.import_module(module).main
