from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from autoflow.cli import app
from autoflow.language import DEFAULT_LIMITS, check, to_mermaid

FORGIVEN = "1. Step 1:::Process:::Look.:::next::step 2\n\nStep 2:::terminal:::Tell.\n"
CANONICAL = "Step 1:::process:::Look.:::next::Step 2\nStep 2:::terminal:::Tell.\n"
BROKEN = "Step 1:::process:::Look.:::next::Step 9\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "some.flow"


def show(*arguments: str | Path, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(app, ["show", *map(str, arguments)], input=stdin)


def test_the_canonical_text_comes_out_exactly(file: Path) -> None:
    file.write_text(FORGIVEN)
    result = show(file)
    assert (result.exit_code, result.stdout, result.stderr) == (0, CANONICAL, "")


def test_a_flowchart_comes_out_exactly(file: Path) -> None:
    file.write_text(FORGIVEN)
    workflow = check(CANONICAL).workflow
    assert workflow is not None
    result = show(file, "--format", "mermaid")
    assert (result.exit_code, result.stdout) == (0, to_mermaid(workflow))


@pytest.mark.parametrize("form", ["core", "mermaid"])
def test_lint_errors_do_not_keep_a_workflow_from_being_shown(file: Path, form: str) -> None:
    file.write_text(BROKEN)
    result = show(file, "--format", form)
    assert result.exit_code == 0
    assert "Step 9" in result.stdout
    assert "lint error(s)" in result.stderr


def test_a_text_without_a_step_is_not_shown(file: Path) -> None:
    file.write_text("Once upon a time.")
    result = show(file)
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"{file}:1:1 no-steps error:" in result.stderr


def test_a_text_that_is_too_long_is_not_shown_in_part(file: Path) -> None:
    file.write_text(CANONICAL + "x" * DEFAULT_LIMITS.max_text_chars)
    result = show(file)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "longer than the 100,000 characters" in result.stderr


def test_the_json_holds_what_would_be_shown() -> None:
    result = show("-", "--json", "--format", "core", stdin=FORGIVEN.encode())
    document = json.loads(result.stdout)
    assert document["text"] == CANONICAL
    assert (document["path"], document["format"], document["valid"]) == ("<stdin>", "core", True)
    assert document["digest"] == check(CANONICAL).workflow.digest  # type: ignore[union-attr]


def test_an_unknown_format_is_wrong_usage(file: Path) -> None:
    file.write_text(CANONICAL)
    assert show(file, "--format", "png").exit_code == 2
    assert show(file.parent / "missing").exit_code == 2
