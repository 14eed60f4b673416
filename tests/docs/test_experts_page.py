"""The example of docs/experts.md runs, and prints what the page shows; its settings are those there are."""

from __future__ import annotations

import asyncio
import re
import runpy
from dataclasses import fields
from pathlib import Path

import pytest

from autoflow.testing import serving
from autoflow_experts import build
from autoflow_experts.pretrained.catalogue import read_experts
from autoflow_experts.settings import ExpertsSettings

_ROOT = Path(__file__).parents[2]
_PAGE = (_ROOT / "docs" / "experts.md").read_text()


def _block(language: str) -> str:
    [block] = re.findall(rf"^```{language}\n(.*?)^```$", _PAGE, re.MULTILINE | re.DOTALL)
    return str(block)


async def test_the_example_prints_what_the_page_shows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with serving(build({})) as address:
        (tmp_path / "page.py").write_text(_block("python").replace("127.0.0.1:50055", address))
        await asyncio.to_thread(runpy.run_path, str(tmp_path / "page.py"))

    assert capsys.readouterr().out == _block("text")


def test_the_file_of_experts_is_one(tmp_path: Path) -> None:
    (tmp_path / "experts.yaml").write_text(_block("yaml"))
    assert set(read_experts(str(tmp_path / "experts.yaml"))) == {"Machine Translation", "Object Detection"}


def test_the_table_of_models_is_the_example() -> None:
    models = {spec.source for spec in read_experts(str(_ROOT / "examples" / "experts.yaml")).values()}
    table = "".join(line for line in _PAGE.splitlines() if line.startswith("|"))
    assert all(f"`{model}`" in table for model in models)


def test_the_settings_are_those_there_are() -> None:
    shown = dict(re.findall(r"^\| `AUTOFLOW_(EXPERTS_\w+)` \| (?:(\w+) )?\|", _PAGE, re.MULTILINE))
    assert shown == {field.name.upper(): str(field.default) for field in fields(ExpertsSettings)}
