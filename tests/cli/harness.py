"""The command as a process of its own: what a shell would see."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from autoflow.cli.console import Output, one_line
from autoflow.cli.exits import ExitCode, failure

ROOT = Path(__file__).resolve().parents[2]
DEADLINE = 60.0
"""Seconds for anything that a test waits for; only a broken test needs them."""

WORKFLOW = """\
Step 1:::process:::Name the input.:::next::Step 2
Step 2:::decision:::Is it a picture?:::Yes::Step 3::No::Step 1
Step 3:::terminal:::Write the plan.
"""


@dataclass(frozen=True)
class Finished:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Standard output as one JSON document."""
        return json.loads(self.out)

    @property
    def records(self) -> list[Any]:
        """Standard output as lines of JSON."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def error(self) -> str:
        """What the command said when it failed: one line, and no traceback."""
        lines = self.err.splitlines()
        assert "Traceback" not in self.err
        assert lines, "the command failed in silence"
        return lines[-1]


def environment(changes: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a command: no addresses, no data, no model from outside the test."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AUTOFLOW_")}
    return {**kept, "COLUMNS": "80", "PYTHONPATH": str(ROOT), "NO_COLOR": "1", **(changes or {})}


async def start(*arguments: str, env: Mapping[str, str] | None = None) -> asyncio.subprocess.Process:
    """Starts `autoflow ARGUMENTS…`; whoever starts it waits for its end."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "autoflow.cli",
        *arguments,
        env=environment(env),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def finish(process: asyncio.subprocess.Process, stdin: bytes = b"") -> Finished:
    """Waits for a command's end; a command that does not end is killed, and fails the test."""
    try:
        async with asyncio.timeout(DEADLINE):
            out, err = await process.communicate(stdin)
    except TimeoutError:
        process.kill()
        out, err = await process.communicate()
        raise AssertionError(f"the command did not end: {out.decode()} {err.decode()}") from None
    assert process.returncode is not None
    return Finished(process.returncode, out.decode(), err.decode())


async def called(work: Coroutine[Any, Any, bool | None], capsys: pytest.CaptureFixture[str]) -> Finished:
    """Does in this process what a command does, for tests that need no process to see it."""
    try:
        done = await work
        code = ExitCode.NOT_OK if done is False else ExitCode.OK
    except Exception as error:
        failed = failure(error)
        if failed is None:
            raise
        Output().note(f"autoflow: {one_line(failed.message)}")
        code = failed.code
    out, err = capsys.readouterr()
    return Finished(code, out, err)


async def autoflow(*arguments: str, env: Mapping[str, str] | None = None, stdin: bytes = b"") -> Finished:
    """Runs `autoflow ARGUMENTS…` to its end."""
    return await finish(await start(*arguments, env=env), stdin)
