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
from autoflow_experts.settings import ExpertsSettings

_PAGE = (Path(__file__).parents[2] / "docs" / "experts.md").read_text()


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


def test_the_settings_are_those_there_are() -> None:
    shown = dict(re.findall(r"^\| `AUTOFLOW_(EXPERTS_\w+)` \| (\d+) \|", _PAGE, re.MULTILINE))
    assert shown == {field.name.upper(): str(field.default) for field in fields(ExpertsSettings)}
