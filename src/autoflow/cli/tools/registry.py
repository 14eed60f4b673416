"""A registry of tools inside this command."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from autoflow.cli.exits import CommandFailed, ExitCode
from autoflow.tools.assembly import Sources
from autoflow.tools.registry import Registry


@asynccontextmanager
async def registry_of(file: Path | None) -> AsyncIterator[Registry]:
    """The tools of a file's sources, for the length of the block.

    Args:
        file: names the sources; its variables are looked up in this process' environment.

    Raises:
        CommandFailed: there is no file.
        SettingsError: the file is wrong.
    """
    if file is None:
        advice = "name one by --file, or by AUTOFLOW_TOOLS_FILE"
        raise CommandFailed(f"there is no file that names sources of tools: {advice}", ExitCode.USAGE)
    registry = Registry(Sources(seconds=3600.0).of_file(file, os.environ))
    try:
        yield registry
    finally:
        await registry.close()
