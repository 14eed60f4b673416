"""`autoflow tools` on files of sources, and on a real interpreter."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from autoflow.cli.console import Output
from autoflow.cli.exits import CommandFailed, ExitCode
from autoflow.cli.tools.calling import call_tool
from autoflow.cli.tools.listing import list_tools
from autoflow.errors import Unavailable
from autoflow.testing import catalogue_of, serving
from autoflow_interpreter import build
from tests.cli.harness import autoflow, called

ROUGH = Path(__file__).parents[1] / "tools" / "servers" / "rough.py"


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "tools.yaml"
    path.write_text(
        "sources:\n"
        "  - {name: own, built_in: [calculator]}\n"
        f"  - {{name: rough, mcp: {{command: {sys.executable}, args: ['{ROUGH}', fine]}}}}\n"
        f"  - {{name: broken, mcp: {{command: {sys.executable}, args: ['{ROUGH}', dead]}}}}\n"
    )
    return str(path)


@pytest.fixture
def own(tmp_path: Path) -> str:
    """Without MCP, whose package takes a second to load."""
    path = tmp_path / "own.yaml"
    path.write_text("sources:\n  - {name: own, built_in: [calculator]}\n")
    return str(path)


async def test_the_tools_of_a_file_are_listed(file: str) -> None:
    finished = await autoflow("tools", "list", env={"AUTOFLOW_TOOLS_FILE": file})
    assert finished.code == 0, finished.err
    header, calculator, *_ = (line.split() for line in finished.out.splitlines())
    assert header == ["tool", "source", "for", "what", "it", "does"]
    assert calculator[:5] == ["calculator", "own", "(built", "in)", "steps"]
    assert ["tool", "rough", "(mcp)", "steps"] in [line.split() for line in finished.out.splitlines()]
    assert finished.err == "broken cannot be reached: the MCP server broken cannot be reached\n"


async def test_in_a_narrow_terminal_what_a_tool_does_is_below_it(own: str) -> None:
    finished = await autoflow("tools", "list", env={"AUTOFLOW_TOOLS_FILE": own, "COLUMNS": "40"})
    first, *rest = finished.out.splitlines()
    assert first.split() == ["calculator", "own", "(built", "in)", "steps"]
    assert all(line.startswith("  ") and len(line) <= 40 for line in rest)
    assert " ".join(" ".join(rest).split()).startswith("computes an arithmetic expression on decimal numbers")


async def test_an_interpreter_is_asked_for_its_tools(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    async with serving(build({"AUTOFLOW_TOOLS_FILE": file}, catalogue_of())) as address:
        finished = await called(list_tools(None, address, Output(json=True)), capsys)
    own, rough, broken = finished.document["sources"]
    assert (own["name"], own["kind"], own["unavailable"]) == ("own", "TOOL_SOURCE_KIND_BUILT_IN", "")
    assert [tool["name"] for tool in rough["tools"]] == ["tool"]
    assert json.loads(rough["tools"][0]["arguments_schema"])["type"] == "object"
    assert broken["unavailable"]


async def test_a_call_prints_what_the_tool_made(own: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("--arguments", '{"expression": "0.1 + 0.2"}')
    finished = await autoflow("tools", "call", "calculator", "--file", own, *arguments)
    assert (finished.code, finished.out, finished.err) == (0, "0.3\n", "")
    assert await call_tool(Path(own), "calculator", arguments[1], 10.0, Output(json=True)) is ExitCode.OK
    assert json.loads(capsys.readouterr().out) == {"text": "0.3", "images": []}


@pytest.mark.parametrize(
    ("name", "arguments", "code", "words"),
    [
        ("calculator", '{"expression": "1/0"}', ExitCode.NOT_OK, "the expression divides by zero"),
        ("calculator", "1/0", ExitCode.USAGE, "the arguments are not JSON"),
        ("nope", "{}", ExitCode.USAGE, "no tool is named 'nope'; there are: calculator"),
    ],
)
async def test_a_failure_is_one_line_and_a_status(
    own: str, capsys: pytest.CaptureFixture[str], name: str, arguments: str, code: ExitCode, words: str
) -> None:
    assert await call_tool(Path(own), name, arguments, 10.0, Output()) is code
    captured = capsys.readouterr()
    assert captured.err.startswith(f"autoflow: {words}")
    assert captured.out == ""
    assert await call_tool(Path(own), name, arguments, 10.0, Output(json=True)) is code
    assert words in json.loads(capsys.readouterr().out)["failure"]["message"]


async def test_a_failure_is_the_status_of_the_command(own: str) -> None:
    finished = await autoflow("tools", "call", "calculator", "--file", own)
    assert finished.code == 2
    assert "'expression' is a required property" in finished.error


async def test_what_is_not_there_is_unavailable(file: str, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="that may have 'nope' cannot be reached"):
        await call_tool(Path(file), "nope", "{}", 10.0, Output())
    with pytest.raises(CommandFailed, match="--file") as failed:
        await list_tools(None, None, Output())
    assert failed.value.code is ExitCode.USAGE
    with pytest.raises(CommandFailed, match=r"no interpreter answers at 127\.0\.0\.1:1"):
        await list_tools(None, "127.0.0.1:1", Output())

    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("sources:\n  - {name: own, built_in: [shell]}\n")
    finished = await autoflow("tools", "list", "--file", str(wrong))
    assert finished.code == 2
    assert "sources.0.built_in.0 (line 2)" in finished.error
