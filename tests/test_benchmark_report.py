"""What becomes of what a benchmark prints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.report import Measurement, collect, measurement_of

MEASUREMENT = Measurement("server.some", "ms", 2.0, 0.5, 4.0, "lower", "a quiet machine")


def measured(results: Path) -> dict[str, float]:
    lines = map(json.loads, results.read_text().splitlines())
    return {line["name"]: line["ours"] for line in lines}


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder from which modules can be run by name."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


def write(module: Path, *measurements: Measurement, status: int = 0) -> None:
    told = "".join(f"{measurement!r}.tell()\n" for measurement in measurements)
    module.write_text(
        f"from benchmarks.report import Measurement\nprint('some word')\n{told}raise SystemExit({status})"
    )


def test_a_measurement_is_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    MEASUREMENT.tell()

    assert measurement_of(capsys.readouterr().out) == {
        "name": "server.some",
        "unit": "ms",
        "baseline": 2.0,
        "ours": 0.5,
        "ratio": 4.0,
        "better": "lower",
        "conditions": "a quiet machine",
    }


@pytest.mark.parametrize("line", ["", "some word", "3", "[]", '{"name": "server.some"}'])
def test_other_lines_are_no_measurements(line: str) -> None:
    assert measurement_of(line) is None


def test_the_newest_measurement_of_a_name_is_kept(modules: Path) -> None:
    results = modules / "build" / "results.jsonl"
    other = Measurement("server.other", "ms", None, 1.0, None, "lower", "")
    write(modules / "first_bench.py", MEASUREMENT, other)
    newer = Measurement("server.some", "ms", 2.0, 0.25, 8.0, "lower", "")
    write(modules / "second_bench.py", newer)

    assert collect(["first_bench", "second_bench"], results) == []
    assert measured(results) == {"server.other": 1.0, "server.some": 0.25}


def test_a_failure_and_a_silence_are_told(modules: Path) -> None:
    write(modules / "failing_bench.py", MEASUREMENT, status=3)
    write(modules / "silent_bench.py")

    faults = collect(["failing_bench", "silent_bench"], modules / "results.jsonl")

    assert faults == ["failing_bench ended with status 3", "silent_bench measured nothing"]
