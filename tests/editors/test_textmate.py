"""The engine of VS Code colours workflows as the parser reads them.

Skipped where the engine is not installed, which `make lint` does.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest
from hypothesis import given

from autoflow.language import Workflow, parse
from tests.language.agreement import samples
from tests.language.strategies import texts, workflows

_ROOT = Path(__file__).parents[2]
_EXTENSION = _ROOT / "editors" / "vscode"
_GRAMMAR = _EXTENSION / "syntaxes" / "coreflow.tmLanguage.json"
_SCOPE = "source.core-flow"
_FLOWS = sorted((*_ROOT.glob("src/autoflow/suites/workflows/*.flow"), *_ROOT.glob("benchmarks/flows/*.flow")))

Tokens = list[tuple[str, list[str]]]
"""Of one line: each token with its scopes, the outermost, which is the language's, first."""

pytestmark = pytest.mark.skipif(
    shutil.which("node") is None or not (_ROOT / "node_modules" / "vscode-textmate").is_dir(),
    reason="needs node and vscode-textmate, which `make lint` installs",
)


class Engine:
    """The tokeniser in a process of its own."""

    def __init__(self, stdin: IO[str], stdout: IO[str]) -> None:
        self._stdin = stdin
        self._stdout = stdout

    def tokens(self, lines: list[str]) -> list[Tokens]:
        """Tokenises the lines of one file."""
        self._stdin.write(json.dumps(lines) + "\n")
        self._stdin.flush()
        answer: list[Tokens] = json.loads(self._stdout.readline())
        return answer


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    command = ["node", str(Path(__file__).with_name("tokens.mjs")), str(_GRAMMAR), _SCOPE]
    # A test that waits for an answer in vain is ended by its time limit.
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield Engine(process.stdin, process.stdout)
        process.stdin.close()
        process.wait(timeout=10)


_FIELD = "punctuation.separator.field"
_BRANCH = "punctuation.separator.branch"


def _expected(workflow: Workflow) -> list[list[tuple[str, str]]]:
    """For each line of the canonical text its tokens, each with its innermost scope."""
    lines = []
    for step in workflow.steps:
        line = [
            *((step.name, "entity.name.label.step"), (":::", _FIELD)),
            *((step.type.value, f"keyword.control.{step.type}"), (":::", _FIELD)),
            (step.instruction, "string.unquoted.instruction"),
        ]
        separator = (":::", _FIELD)
        for branch in step.branches:
            label = "keyword.control.next" if branch.label == "next" else "constant.other.label"
            line += [
                separator,
                (branch.label, label),
                ("::", _BRANCH),
                (branch.target, "variable.other.step"),
            ]
            separator = ("::", _BRANCH)
        lines.append([token for token in line if token[0]])
    return lines


def _innermost(lines: list[Tokens]) -> list[list[tuple[str, str]]]:
    return [[(text, scopes[-1].removesuffix(".core-flow")) for text, scopes in line] for line in lines]


def test_real_workflows_are_tokenised_field_by_field(engine: Engine) -> None:
    canonical = [text for text in (path.read_text() for path in _FLOWS) if not parse(text).diagnostics]
    assert len(canonical) > 5
    for text in canonical:
        workflow = parse(text).workflow
        assert workflow is not None
        assert _innermost(engine.tokens(text.splitlines())) == _expected(workflow)


@given(workflow=workflows())
def test_so_is_every_canonical_text(engine: Engine, workflow: Workflow) -> None:
    assert _innermost(engine.tokens(workflow.text.split("\n")[:-1])) == _expected(workflow)


@pytest.mark.parametrize(
    ("line", "marked"),
    [
        ("Look at it.", {"Look at it.": "not-a-step"}),
        ("Step 1:::process", {"Step 1:::process": "not-a-step"}),
        ("- Step 1:::process:::Look:::next::Step 2", {"- Step 1": "name"}),
        ("Step 1:::Process:::Look:::next::Step 2", {"Process": "type"}),
        ("Step 1:::process::: Look:::next::Step 2", {" Look": "instruction"}),
        ("Step 1:::process:::Look::next::Step 2", {"Look::next::Step 2": "instruction"}),
        ("Step 1:::process:::Look:::Step 2", {"Step 2": "branches"}),
        ("Step 1:::decision:::Good?:::Yes::Step 2::No", {"No": "branches"}),
        (
            "Step 1:::decision:::Good?:::Yes ::Step 2::No::**Step 1**",
            {"Yes ": "label", "**Step 1**": "target"},
        ),
    ],
)
def test_only_what_is_malformed_is_marked(engine: Engine, line: str, marked: dict[str, str]) -> None:
    (tokens,) = _innermost(engine.tokens([line]))
    invalid = {text: scope for text, scope in tokens if scope.startswith("invalid")}
    assert invalid == {text: f"invalid.illegal.{what}" for text, what in marked.items()}


_SURROGATE = re.compile("[\ud800-\udfff]")


def _is_marked(tokens: Tokens) -> bool:
    return any(scope.startswith("invalid.illegal") for _, scopes in tokens for scope in scopes)


def _assert_marked_as_remarked(engine: Engine, text: str) -> None:
    # Blank lines are not marked, and how a target has to be spelled only the whole text can tell.
    lines = [line for line in text.split("\n") if line.strip() and not _SURROGATE.search(line)]
    for line, tokens in zip(lines, engine.tokens(lines), strict=True):
        remarks = {found.code for found in parse(line).diagnostics} - {"target-spelling"}
        assert _is_marked(tokens) == bool(remarks), line


@given(text=texts)
def test_a_line_is_marked_where_the_parser_remarks_on_it(engine: Engine, text: str) -> None:
    _assert_marked_as_remarked(engine, text)


def test_so_are_lines_that_are_nearly_sound(engine: Engine) -> None:
    _assert_marked_as_remarked(engine, "\n".join(sample.text for sample in samples(400, seed=2)))


def test_blank_lines_are_not_marked(engine: Engine) -> None:
    assert not any(map(_is_marked, engine.tokens(["", "  ", "\t", "\u3000"])))


def test_the_extension_is_complete() -> None:
    contributed: dict[str, Any] = json.loads((_EXTENSION / "package.json").read_text())["contributes"]
    (language,), (grammar,) = contributed["languages"], contributed["grammars"]
    assert language["extensions"] == [".flow"]
    assert grammar["language"] == language["id"]
    assert (_EXTENSION / language["configuration"]).is_file()
    assert (_EXTENSION / grammar["path"]).samefile(_GRAMMAR)
    assert grammar["scopeName"] == json.loads(_GRAMMAR.read_text())["scopeName"] == _SCOPE
