from __future__ import annotations

import json
import resource
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from autoflow.cli import app

SOUND = "Step 1:::process:::Look.:::next::Step 2\nStep 2:::terminal:::Tell.\n"
UNTIDY = "  Step 1 ::: Process ::: Look. ::: next :: step 2\n\nStep 2:::terminal:::Tell."
BROKEN = "Step 1:::process:::Look.:::next::Step 2\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "some.flow"


def fmt(*arguments: str | Path, stdin: str = "") -> Result:
    return CliRunner().invoke(app, ["fmt", *map(str, arguments)], input=stdin)


def test_an_untidy_workflow_is_written_in_canonical_form(file: Path) -> None:
    file.write_text(UNTIDY)
    assert fmt(file).exit_code == 0
    assert file.read_text() == SOUND


def test_a_canonical_workflow_is_left_alone(file: Path) -> None:
    file.write_text(SOUND)
    before = file.stat().st_mtime_ns
    assert fmt("--check", file).exit_code == 0
    assert fmt(file).exit_code == 0
    assert file.stat().st_mtime_ns == before


def test_checking_writes_nothing_and_fails_where_something_would_change(file: Path) -> None:
    file.write_text(UNTIDY)
    result = fmt("--check", file)
    assert result.exit_code == 1
    assert "would change" in result.stderr
    assert file.read_text() == UNTIDY


def test_standard_input_goes_to_standard_output() -> None:
    result = fmt("-", stdin=UNTIDY)
    assert (result.exit_code, result.stdout) == (0, SOUND)


def test_a_broken_workflow_is_left_as_it_is_and_told(file: Path) -> None:
    file.write_text(BROKEN)
    result = fmt(file)
    assert result.exit_code == 1
    assert "unknown-target" in result.stderr
    assert file.read_text() == BROKEN


def test_a_broken_workflow_is_mended_on_request_and_every_change_told(file: Path) -> None:
    file.write_text(BROKEN)
    result = fmt("--repair", "--json", file)
    assert result.exit_code == 0
    (document,) = json.loads(result.stdout)["files"]
    assert document["changes"]
    assert document["text"] == file.read_text() != BROKEN
    assert fmt("--check", file).exit_code == 0


def test_what_cannot_be_mended_is_refused(file: Path) -> None:
    file.write_text("No step anywhere\n")
    assert fmt("--repair", file).exit_code == 1
    assert file.read_text() == "No step anywhere\n"


def test_a_file_that_is_not_there_is_an_error_of_use(tmp_path: Path) -> None:
    assert fmt(tmp_path / "none.flow").exit_code == 2


@pytest.mark.parametrize("mend", [[], ["--repair"]])
def test_bytes_that_are_no_text_are_not_replaced(file: Path, mend: list[str]) -> None:
    # U with two dots, in Latin-1.
    data = UNTIDY.encode() + b" \xdcber die Bilder.\n"
    file.write_bytes(data)
    result = fmt(*mend, file)
    assert (result.exit_code, result.stderr) == (2, f"autoflow: {file}: it is not UTF-8\n")
    assert file.read_bytes() == data


def test_a_disk_that_is_full_costs_no_workflow(file: Path) -> None:
    file.write_text(UNTIDY)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
        result = fmt(file)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (result.exit_code, result.stderr.splitlines()[0]) == (2, f"autoflow: {file}: File too large")
    assert [(each.name, each.read_text()) for each in file.parent.iterdir()] == [(file.name, UNTIDY)]


def test_a_link_stays_a_link_and_a_mode_a_mode(file: Path) -> None:
    file.write_text(UNTIDY)
    file.chmod(0o640)
    link = file.with_name("link.flow")
    link.symlink_to(file.name)
    assert fmt(link).exit_code == 0
    assert link.is_symlink()
    assert file.read_text() == SOUND
    assert file.stat().st_mode & 0o777 == 0o640
