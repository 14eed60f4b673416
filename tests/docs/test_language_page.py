"""What docs/language.md shows is what comes out, and its diagram is drawn from what the parser reads."""

from __future__ import annotations

import doctest
import json
import random
import re
from pathlib import Path

import pytest
import railroad
from typer.testing import CliRunner

from autoflow.cli import app
from autoflow.language import parse, workflow_schema
from scripts.railroad_diagram import DRAWING, LINE_FEED, diagram, is_stale

_ROOT = Path(__file__).parents[2]
_PAGE = (_ROOT / "docs" / "language.md").read_text()
_BLOCK = re.compile(r"^```(?P<language>\w+)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
_NAMED = re.compile(r"`([^`\n]+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
"""A block, and the code that the line before it ends in: the name of a file, or a command."""


def _blocks(language: str) -> list[str]:
    return [found["body"] for found in _BLOCK.finditer(_PAGE) if found["language"] == language]


@pytest.fixture
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working folder, with the files of the page."""
    monkeypatch.chdir(tmp_path)
    for name, body in _NAMED.findall(_PAGE):
        if name.endswith(".flow") and " " not in name:
            Path(name).write_text(body)


def _output(command: str) -> str:
    program, *arguments = command.split()
    assert program == "autoflow"
    return CliRunner().invoke(app, arguments).output


@pytest.mark.usefixtures("_folder")
def test_commands_print_what_is_shown() -> None:
    shown = [
        *((command, body) for command, body in _NAMED.findall(_PAGE) if command.startswith("autoflow ")),
        *(
            tuple(entry.split("\n", 1))
            for block in _blocks("console")
            for entry in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
        ),
    ]
    assert len(shown) > 3
    for command, body in shown:
        assert _output(command) == body


@pytest.mark.usefixtures("_folder")
def test_a_draft_is_formatted_as_shown() -> None:
    canonical = _output("autoflow show draft.flow")
    assert CliRunner().invoke(app, ["fmt", "--check", "draft.flow"]).exit_code == 1
    assert CliRunner().invoke(app, ["fmt", "draft.flow"]).exit_code == 0
    assert Path("draft.flow").read_text() == canonical


def test_the_schema_is_the_one_shown() -> None:
    (shown,) = _blocks("json")
    assert json.loads(shown) == workflow_schema()


def test_the_session_runs() -> None:
    (session,) = _blocks("pycon")
    test = doctest.DocTestParser().get_doctest(session, {}, "docs/language.md", None, None)
    assert doctest.DocTestRunner().run(test) == (0, len(test.examples))
    assert test.examples


def test_the_diagram_is_fresh() -> None:
    assert f"]({DRAWING.name})" in _PAGE
    assert not is_stale(DRAWING)


def test_a_stale_diagram_is_found(tmp_path: Path) -> None:
    drawing = tmp_path / DRAWING.name
    assert is_stale(drawing)
    drawing.write_text(DRAWING.read_text().replace("decision", "choice"))
    assert is_stale(drawing)


def _ridden(item: railroad.DiagramItem, rng: random.Random) -> str:
    """What a train that takes the points at random spells."""
    match item:
        case railroad.Terminal(text=text):
            return "\n" if text == LINE_FEED else str(text)
        case railroad.NonTerminal():
            return rng.choice(("Step 1", "Look at it", "x", "std:sort", "中"))
        case railroad.Choice(items=items):
            return _ridden(rng.choice(items), rng)
        case railroad.OneOrMore(item=inner, rep=rep):
            again = "".join(_ridden(rep, rng) + _ridden(inner, rng) for _ in range(rng.randint(0, 2)))
            return _ridden(inner, rng) + again
        case railroad.DiagramMultiContainer(items=items):
            return "".join(_ridden(each, rng) for each in items)
        case _:
            return ""


def test_the_tracks_spell_what_the_parser_reads_without_a_remark() -> None:
    rng = random.Random(0)
    read = [parse(_ridden(diagram(), rng)) for _ in range(300)]
    assert all(parsed.workflow is not None and not parsed.diagnostics for parsed in read)
    steps = [step for parsed in read if parsed.workflow for step in parsed.workflow.steps]
    assert {len(step.branches) for step in steps} == {0, 1, 2, 3}
    assert len({step.type for step in steps}) == 3
    assert any(not step.instruction for step in steps)
