from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TypeAlias

import pytest

from autoflow.tools.assembly import Sources
from autoflow.tools.registry import Registry

SERVERS = Path(__file__).parent / "servers"
Using: TypeAlias = Callable[..., AbstractAsyncContextManager[Registry]]


@pytest.fixture
def using(tmp_path: Path) -> Using:
    """A registry of the sources that a text in YAML lists; keywords are arguments of `Registry`."""

    @asynccontextmanager
    async def open_(
        sources: str, env: Mapping[str, str] | None = None, **settings: float
    ) -> AsyncIterator[Registry]:
        file = tmp_path / "tools.yaml"
        file.write_text(f"sources:\n{sources}")
        registry = Registry(Sources().of_file(file, env or {}), **settings)  # type: ignore[arg-type]
        try:
            yield registry
        finally:
            async with asyncio.timeout(20):
                await registry.close()

    return open_


def program(name: str, script: str, *args: str, more: str = "") -> str:
    """A line for the file: one of the servers of this folder."""
    words = ", ".join(repr(word) for word in (str(SERVERS / script), *args))
    return f"  - {{name: {name}, mcp: {{command: {sys.executable}, args: [{words}]{more}}}}}\n"


def children() -> set[int]:
    """The processes that this one started and that are still there."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(stat[1]) == os.getpid() and stat[0] != "Z":
            found.add(int(folder.name))
    return found
