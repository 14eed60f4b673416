from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from autoflow.cli import app
from autoflow.language import CODES, DEFAULT_LIMITS

SOUND = "Step 1:::process:::Look.:::next::Step 2\nStep 2:::terminal:::Tell.\n"
UNREACHABLE = "Step 1:::terminal:::Tell.\nStep 2:::terminal:::Never told.\n"
FORGIVEN = f"Here you are:\n```\n{SOUND}```\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "some.flow"


def lint(*arguments: str | Path, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(app, ["lint", *map(str, arguments)], input=stdin)


def test_a_sound_workflow_has_nothing_to_tell(file: Path) -> None:
    file.write_text(SOUND)
    result = lint(file)
    assert result.exit_code == 0
    assert result.stdout == ""
    assert result.stderr == "0 errors, 0 warnings in 1 file\n"


def test_a_finding_is_a_line_that_editors_follow(file: Path) -> None:
    file.write_text(UNREACHABLE)
    result = lint(file)
    assert result.exit_code == 1
    (line,) = result.stdout.splitlines()
    found = re.fullmatch(r"(.+):(\d+):(\d+) (\S+) (\w+): (.+)", line)
    assert found is not None
    assert found.groups()[:5] == (str(file), "2", "1", "unreachable-step", "error")
    assert result.stderr == "1 error, 0 warnings in 1 file\n"


def test_what_was_forgiven_is_told_and_is_no_error(file: Path) -> None:
    file.write_text(FORGIVEN)
    result = lint(file)
    assert result.exit_code == 0
    assert "leading-text warning:" in result.stdout
    assert "code-fence info:" in result.stdout


def test_one_bad_file_among_good_ones_counts(file: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.flow"
    file.write_text(SOUND)
    bad.write_text(UNREACHABLE)
    assert lint(file, bad).exit_code == 1
    assert lint(file, file).exit_code == 0


def test_standard_input_is_a_file_too() -> None:
    result = lint("-", stdin=UNREACHABLE.encode())
    assert result.exit_code == 1
    assert result.stdout.startswith("<stdin>:2:1 unreachable-step ")


def test_a_file_that_cannot_be_read_is_wrong_usage_and_the_others_are_still_checked(
    file: Path, tmp_path: Path
) -> None:
    file.write_text(UNREACHABLE)
    result = lint(tmp_path / "missing", tmp_path, "a\0b", file)
    assert result.exit_code == 2
    assert "unreachable-step" in result.stdout
    assert f"autoflow: {tmp_path / 'missing'}: No such file or directory" in result.stderr
    assert f"autoflow: {tmp_path}: Is a directory" in result.stderr
    assert r"autoflow: a\x00b: cannot be read" in result.stderr


def test_the_json_is_one_document_with_every_finding(file: Path, tmp_path: Path) -> None:
    sound = tmp_path / "sound.flow"
    sound.write_text(SOUND)
    file.write_text(UNREACHABLE)
    result = lint("--json", file, sound)
    assert result.exit_code == 1
    first, second = json.loads(result.stdout)["files"]
    assert (first["path"], first["valid"]) == (str(file), False)
    (found,) = first["diagnostics"]
    assert set(found) == {"severity", "code", "line", "column", "message", "fix"}
    assert (found["severity"], found["code"], found["line"]) == ("error", "unreachable-step", 2)
    assert (second["valid"], second["diagnostics"]) == (True, [])
    assert second["digest"].startswith("sha256:")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe\x00S\x00t\x00e\x00p",
        b"\x1b]0;owned\x07Step\x9b31m 1:::process:::\x1b[2Jx:::next::\x1b[1mStep 2",
        "Step \u202e1:::process:::a\u2028b:::next::\u202eStep 9".encode(),
        b":::" * 50_000,
        b"Step 1:::terminal:::" + b"a" * (2 * DEFAULT_LIMITS.max_text_chars),
        b"\xed\xa0\x80:::terminal:::a",
    ],
)
def test_hostile_text_ends_in_findings_without_control_characters(file: Path, data: bytes) -> None:
    file.write_bytes(data)
    result = lint(file)
    assert result.exit_code == 1
    assert result.stdout
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e]", result.stdout)
    for line in result.stdout.splitlines():
        assert line.removeprefix(f"{file}:").split(" ")[1] in CODES


def test_a_byte_order_mark_is_no_part_of_the_text(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf" + SOUND.encode())
    assert lint(file).stdout == ""


def test_a_file_that_no_workflow_is_as_large_as_is_not_linted_in_part(file: Path) -> None:
    file.write_bytes(b"a" * (4 * DEFAULT_LIMITS.max_text_chars + 1))
    result = lint(file)
    assert result.exit_code == 2
    told = f"autoflow: {file}: it has more than 400,000 bytes; a workflow has 100,000 characters at most"
    assert result.stderr.splitlines()[0] == told


def test_no_file_at_all_is_wrong_usage() -> None:
    assert lint().exit_code == 2
