"""What the distribution offers, and who may import whom."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import distribution, entry_points, version
from pathlib import Path

import pytest

import autoflow
from autoflow.server.compose import GROUP, SERVICES

ROOT = Path(__file__).parents[2]


def test_the_version_is_the_packages() -> None:
    assert version("autoflow-services") == autoflow.__version__


def test_every_service_is_an_entry_point() -> None:
    offered = {entry.name for entry in entry_points(group=GROUP)}

    assert offered == set(SERVICES)


@pytest.mark.parametrize("name", SERVICES)
def test_an_entry_point_loads(name: str) -> None:
    (entry,) = entry_points(group=GROUP, name=name)

    assert callable(entry.load())


def test_the_command_can_be_loaded() -> None:
    (command,) = (
        entry
        for entry in distribution("autoflow-services").entry_points
        if (entry.group, entry.name) == ("console_scripts", "autoflow")
    )

    assert callable(command.load())


def test_layers() -> None:
    """The contracts of `[tool.importlinter]` in pyproject.toml."""
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert done.returncode == 0, done.stdout


def test_the_lock_of_the_proto_tools_names_no_host() -> None:
    assert '"resolved"' not in (ROOT / "package-lock.json").read_text()


def test_every_package_of_the_lock_has_a_checksum() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text())

    packages = {name: entry for name, entry in lock["packages"].items() if name}

    assert packages
    assert [name for name, entry in packages.items() if "integrity" not in entry] == []
