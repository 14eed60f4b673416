"""MCP servers as sources: one on the SDK, over its pipes and by HTTP, and some that do not behave."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from autoflow.errors import DeadlineExceeded, Unavailable
from autoflow.tools.model import FailureKind, Listed, ToolFailure, ToolOutput, ToolResult
from autoflow.tools.registry import Registry
from tests.tools.conftest import SERVERS, Using, children, program

SECRET = "sk_live_0123456789"


async def call(registry: Registry, name: str, arguments: str = "{}", deadline: float = 10.0) -> ToolResult:
    return await registry.call(name, arguments, deadline=deadline, call_id="x/1")


async def only(registry: Registry) -> Listed:
    [listed] = await registry.list_tools()
    return listed


async def test_a_server_over_its_pipes(
    using: Using, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    before = children()
    line = program("good", "good.py", more=", env: {TOKEN: MY_TOKEN}")
    async with using(line, {"MY_TOKEN": SECRET, "UNTOLD": "never"}, characters=100) as registry:
        tools = {tool.name: tool for tool in (await only(registry)).tools}
        assert len(tools) == 8
        assert (tools["add"].idempotent, tools["end_once"].idempotent, tools["slow"].idempotent) == (
            True,
            True,
            False,
        )
        assert tools["add"].description == "Adds two whole numbers."

        assert await call(registry, "add", '{"a": 2, "b": 3}') == ToolOutput("5")
        assert await call(registry, "told") == ToolOutput(f"x/1 {SECRET} None")
        failed = await call(registry, "fail", '{"words": "no such city"}')
        assert failed == ToolFailure("Error executing tool fail: no such city", FailureKind.FAILED)
        wrong = await call(registry, "add", '{"a": "2"}')
        assert isinstance(wrong, ToolFailure)
        assert wrong.kind is FailureKind.INVALID_ARGUMENTS
        assert await call(registry, "show") == ToolOutput(
            "first\n[left out: audio, audio/wav, 9 bytes]\n[left out: image, image/svg+xml, 9 bytes]\nlast",
            (b"picture",),
        )
        cut = await call(registry, "long", '{"characters": 5000}')
        assert cut == ToolOutput("x" * 100 + "… cut after 100 characters of 5000")

        # Several at once; one that takes too long holds up nobody.
        slow, *quick = await asyncio.gather(
            call(registry, "slow", '{"seconds": 60}', 0.3),
            *(call(registry, "add", f'{{"a": {n}}}') for n in range(20)),
            return_exceptions=True,
        )
        assert isinstance(slow, DeadlineExceeded)
        assert quick == [ToolOutput(str(n + 1)) for n in range(20)]

        # It ends in the middle of a call, is started again, and called again where that does no harm.
        file = tmp_path / "file"
        assert await call(registry, "end_once", f'{{"file": "{file}"}}') == ToolOutput("still here")
        notes = tmp_path / "notes"
        with pytest.raises(Unavailable):
            await call(registry, "end", f'{{"file": "{notes}"}}')
        assert notes.read_text() == "called\n"
        assert len(children() - before) <= 1
    assert children() <= before
    assert "MCP server good: good: ready" in caplog.text
    assert SECRET not in caplog.text


async def until(holds: Callable[[], bool]) -> None:
    """Returns when something holds; the caller bounds the time."""
    while not holds():  # noqa: ASYNC110  # Nothing tells of it.
        await asyncio.sleep(0.05)


@asynccontextmanager
async def served(port: int) -> AsyncIterator[None]:
    """The good server at a port."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(SERVERS / "good.py"), str(port), stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(30):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    await asyncio.sleep(0.05)
                else:
                    writer.close()
                    break
        yield
    finally:
        process.kill()
        await process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def test_a_server_by_http_that_goes_and_comes_back(
    using: Using, caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    line = (
        f"  - {{name: web, mcp: {{url: 'http://127.0.0.1:{port}/mcp', headers: {{Authorization: AUTH}}}}}}\n"
    )
    async with using(line, {"AUTH": f"Bearer {SECRET}"}) as registry:
        listed = await only(registry)
        assert (list(listed.tools), bool(listed.unavailable)) == ([], True)
        async with served(port), asyncio.timeout(30):
            while not (await only(registry)).tools:  # noqa: ASYNC110  # It is asked each time.
                await asyncio.sleep(0.1)
            assert await call(registry, "add", '{"a": 2}') == ToolOutput("3")
            assert await call(registry, "told") == ToolOutput("x/1 None None")
            with pytest.raises(DeadlineExceeded):
                await call(registry, "slow", '{"seconds": 60}', 0.3)
        with pytest.raises(Unavailable):
            await call(registry, "told")
        # It keeps its tools.
        assert len((await only(registry)).tools) == 8
        async with served(port), asyncio.timeout(60):
            while True:
                try:
                    assert await call(registry, "told") == ToolOutput("x/1 None None")
                    break
                except Unavailable:
                    await asyncio.sleep(0.1)
    assert SECRET not in caplog.text


async def test_a_server_that_greets_first_is_understood(using: Using) -> None:
    async with using(program("rough", "rough.py", "banner")) as registry:
        assert await call(registry, "tool") == ToolOutput("done")


@pytest.mark.parametrize("way", ["garbage", "endless-line", "no-content", "internal-error"])
async def test_a_server_that_breaks_its_contract_is_unavailable(
    using: Using, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with using(program("rough", "rough.py", way)) as registry:
        for _ in range(2):
            with pytest.raises(Unavailable) as refused:
                await call(registry, "tool")
            assert "secret" not in str(refused.value)
    assert "secret" not in caplog.text
    assert "Traceback: no message" not in caplog.text


async def test_a_server_that_hangs_in_a_call_is_given_up_and_then_started_anew(using: Using) -> None:
    before = children()
    async with using(program("rough", "rough.py", "hang")) as registry:
        await registry.list_tools()
        [first] = children() - before
        for _ in range(3):
            with pytest.raises(DeadlineExceeded):
                await call(registry, "tool", deadline=0.2)
        with pytest.raises(DeadlineExceeded):
            await call(registry, "tool", deadline=2.0)
        assert (children() - before) - {first}
    assert children() <= before


async def test_a_server_that_never_greets_holds_up_only_those_who_need_it(using: Using) -> None:
    before = children()
    lines = "  - {name: own, built_in: [calculator]}\n" + program("rough", "rough.py", "silent")
    async with using(lines) as registry:
        assert await call(registry, "calculator", '{"expression": "1+1"}', 5) == ToolOutput("2")
        with pytest.raises(DeadlineExceeded):
            await call(registry, "tool", deadline=0.5)
    assert children() <= before


async def test_a_server_that_cannot_start_is_told_and_tried_again_ever_later(
    using: Using, tmp_path: Path
) -> None:
    lines = program("dead", "rough.py", "dead") + (
        f"  - {{name: away, mcp: {{command: {tmp_path}/no-such-program}}}}\n"
    )
    async with using(lines) as registry:
        dead, away = await registry.list_tools()
        assert (dead.unavailable, away.unavailable) == (
            "the MCP server dead cannot be reached",
            "the MCP server away cannot be reached",
        )
        async with asyncio.timeout(30):
            while "tried again in" not in (await registry.list_tools())[0].unavailable:  # noqa: ASYNC110
                await asyncio.sleep(0.2)


async def test_of_a_list_without_an_end_only_so_much_is_taken(using: Using) -> None:
    for way, count in (("many", 256), ("endless-pages", 64)):
        async with using(program("rough", "rough.py", way)) as registry:
            assert len((await only(registry)).tools) == count


async def test_tools_with_broken_schemas_are_passed_over(
    using: Using, caplog: pytest.LogCaptureFixture
) -> None:
    async with using(program("rough", "rough.py", "broken-schema")) as registry:
        away, good, verbose = (await only(registry)).tools
        assert (away.name, good.name, verbose.name) == ("away", "good", "verbose")
        assert (good.description, len(verbose.description)) == ("", 500)
        failure = await call(registry, "away")
        assert failure == ToolFailure(
            "the tool's schema refers to what is not in it", FailureKind.INVALID_ARGUMENTS
        )
    for name in ("no-type", "long", "two, names"):
        assert f"{name!r} is passed over" in caplog.text


async def test_only_the_tools_that_are_named_are_taken(using: Using) -> None:
    line = program("rough", "rough.py", "many").replace("}}\n", "}, tools: [tool-9999, tool-3]}\n")
    async with using(line) as registry:
        assert [tool.name for tool in (await only(registry)).tools] == ["tool-3", "tool-9999"]


async def test_a_server_that_does_not_want_to_end_is_killed(using: Using) -> None:
    before = children()
    async with using(program("rough", "rough.py", "stubborn")) as registry:
        assert await call(registry, "tool") == ToolOutput("done")
    assert children() <= before


async def test_a_server_ends_with_the_process_that_started_it() -> None:
    code = f"""
import asyncio, os, pathlib, signal
from autoflow.tools.mcp.stdio import Program, running
async def main():
    program = Program("rough", {sys.executable!r}, [{str(SERVERS / "rough.py")!r}, "fine"])
    async with running(program, asyncio.Event()):
        print(pathlib.Path(f"/proc/{{os.getpid()}}/task/{{os.getpid()}}/children").read_text(), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    [child] = map(int, out.split())
    async with asyncio.timeout(20):
        await until(lambda: not (Path("/proc") / str(child)).exists())
