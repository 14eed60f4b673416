"""What docs/executions.md shows is what the commands print, with a real interpreter and a real tool."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autoflow.client import Client
from autoflow.testing import ScriptedEndpoint
from autoflow.testing.processes import service_process
from autoflow.v1 import interpreter_service_pb2 as pb
from tests.cli.harness import DEADLINE, autoflow, finish, start

_PAGE = (Path(__file__).parents[2] / "docs" / "executions.md").read_text()
_MODELS = """\
models:
  spoken:
    provider: openai
    model: spoken
    endpoint: {}
    capabilities: {{json_schema: true}}
    prices: {{prompt: 0.5, completion: 2}}
"""
_TOOLS = """\
sources:
  - name: own
    built_in: [calculator]
"""
_CHANGING = (
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID"),
    (r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d [A-Z]+", "TIME"),
    (r"\d+(\.\d)? s\b", "SECONDS"),
    (r"ended after \d+:\d\d", "ended after MINUTES"),
    # Another version of the prompts has other sizes.
    (r"prompts \d+", "prompts VERSION"),
    (r"[\d,]+( \+ [\d,]+)? tokens", "TOKENS"),
    (r"\$\d+\.\d+", "DOLLARS"),
    # The page's interpreter is where `autoflow up` puts it.
    (r" --interpreter 127\.0\.0\.1:\d+", ""),
    (r" +$", ""),
)


class Speaker:
    """A model whose first call of a tool is wrong."""

    def __init__(self) -> None:
        self._asked = 0

    def __call__(self, body: Mapping[str, Any]) -> str:
        self._asked += 1
        said = {"answer": "Book the morning flight.", "tool": "none", "arguments": "{}", "branch": "Yes"}
        if self._asked <= 2:
            field = "expr" if self._asked == 1 else "expression"
            arguments = json.dumps({field: "31 + 30 - 23"})
            said |= {"answer": "I count them.", "tool": "calculator", "arguments": arguments}
        elif self._asked == 3:
            said |= {"answer": "38 days are enough."}
        fields = body["response_format"]["json_schema"]["schema"]["required"]
        return json.dumps({field: said[field] for field in fields})


def _same(text: str) -> str:
    """A text without what is another one each time."""
    for pattern, word in _CHANGING:
        text = re.sub(pattern, word, text, flags=re.MULTILINE)
    return text.strip()


async def _waiting(address: str, executing: asyncio.subprocess.Process) -> str:
    """The execution that waits for a person, begun by a command."""
    request = pb.ListExecutionsRequest(state=pb.EXECUTION_STATE_WAITING)
    async with Client(interpreter=address) as client, asyncio.timeout(DEADLINE):
        while executing.returncode is None:
            async for found in client.interpreter.list_executions(request):
                return found.name
            await asyncio.sleep(0.05)
    raise AssertionError((await finish(executing)).err)


async def test_the_page_shows_what_is_printed(tmp_path: Path) -> None:
    [source] = re.findall(r"^```core\n(.*?)^```$", _PAGE, re.MULTILINE | re.DOTALL)
    file = tmp_path / "trip.flow"
    file.write_text(source)
    (tmp_path / "tools.yaml").write_text(_TOOLS)
    async with ScriptedEndpoint.serving(Speaker()) as endpoint:
        (tmp_path / "models.yaml").write_text(_MODELS.format(endpoint.base_url))
        env = {
            "AUTOFLOW_MODELS": str(tmp_path / "models.yaml"),
            "AUTOFLOW_TOOLS_FILE": str(tmp_path / "tools.yaml"),
            "AUTOFLOW_PRELOAD_MODELS": "none",
            "AUTOFLOW_INTERPRETER_DATA": str(tmp_path),
        }
        async with service_process("interpreter", env, tmp_path / "log") as server:
            where = {"AUTOFLOW_INTERPRETER_ADDRESS": server.address}
            query = ("--query", "We go to Ghent on 31 December.")
            how = ("--model", "spoken", "--no-tools", "--tool", "calculator")
            executing = await start("execute", str(file), *query, *how, env=where)
            name = await _waiting(server.address, executing)
            listed = await autoflow("executions", "list", env=where)
            answered = await autoflow("executions", "answer", name, "the one in the morning", env=where)
            executed = await finish(executing)
            shown = await autoflow("executions", "show", name, env=where)

    printed = [executed.err + executed.out, listed.out, answered.out, shown.out]
    page = re.findall(r"^\$ autoflow exec[^\n]*\n(.*?)(?=^\$|^```)", _PAGE, re.MULTILINE | re.DOTALL)
    assert [_same(text) for text in page] == [_same(text) for text in printed]


def test_every_event_and_every_outcome_is_named() -> None:
    for oneof in pb.ExecutionEvent.DESCRIPTOR.oneofs:
        for field in oneof.fields:
            assert f"`{field.name}`" in _PAGE, f"{field.name} is not explained"
    for name in pb.ExecutionOutcome.keys()[1:]:
        assert f"`{name.removeprefix('EXECUTION_OUTCOME_')}`" in _PAGE, f"{name} is not explained"
    for name in pb.ExecutionState.keys()[1:]:
        assert f" {name.removeprefix('EXECUTION_STATE_')}" in _PAGE, f"{name} is not in the diagram"
