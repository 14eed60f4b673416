"""The examples of docs/registry.md run, and print what the page shows."""

from __future__ import annotations

import asyncio
import re
import runpy
from pathlib import Path

import pytest

from autoflow.server.compose import local_environment
from autoflow.testing import in_process

_PAGE = Path(__file__).parents[2] / "docs" / "registry.md"
_PORTS = {"generator": 50051, "interpreter": 50052}


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", _PAGE.read_text(), re.MULTILINE | re.DOTALL)


async def test_the_page_is_a_program_that_prints_what_it_shows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = "\n".join(_blocks("python"))
    async with in_process(local_environment(tmp_path, {}), tuple(_PORTS)) as system:
        for name, port in _PORTS.items():
            program = program.replace(f"127.0.0.1:{port}", system.addresses[name])
        (tmp_path / "page.py").write_text(program)
        await asyncio.to_thread(runpy.run_path, str(tmp_path / "page.py"))

    assert capsys.readouterr().out.splitlines() == "".join(_blocks("text")).splitlines()
