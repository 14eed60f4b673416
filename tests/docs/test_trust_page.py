"""The figures of docs/trust.md that follow from its formula are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from autoflow.power import ASSUMED_SD, LEAST_TASKS, minimum_detectable_effect, tasks_needed
from autoflow.suites import Split, load_suite
from autoflow_worker.acceptance import independent
from autoflow_worker.disagreement import MUCH
from autoflow_worker.leaks import DISTINCTIVE, PHRASE

_PAGE = (Path(__file__).resolve().parents[2] / "docs" / "trust.md").read_text(encoding="utf-8")
_ROWS = re.findall(r"^\| (\d+)[^|]* \| (\S+) \| (\S+) \| (\S+) \|$", _PAGE, re.MULTILINE)


@pytest.mark.parametrize("row", _ROWS, ids=lambda row: row[0])
def test_the_effects_of_the_table(row: tuple[str, ...]) -> None:
    tasks, *shown = row
    effects = [minimum_detectable_effect(int(tasks), candidates=candidates) for candidates in (1, 8, 16)]
    assert shown == [f"{effect:.2f}".lstrip("0") if effect < 1 else "none" for effect in effects]


def test_the_table_is_there() -> None:
    assert [row[0] for row in _ROWS] == ["10", "25", "36", "50", "150"]


def test_the_tasks_that_gains_take() -> None:
    alone, among = ([tasks_needed(gain, candidates=count) for gain in (0.2, 0.1, 0.05)] for count in (1, 8))
    text = " ".join(_PAGE.split())
    assert ".2 takes {} tasks, .1 takes {} and .05 takes {}; ".format(*alone) in text
    assert "the best of eight {}, {} and {:,}.".format(*among) in text


def test_the_constants_of_the_page() -> None:
    assert (LEAST_TASKS, ASSUMED_SD, PHRASE, DISTINCTIVE, MUCH) == (10, 0.5, 6, 3, 1.25)
    assert "fewer than 10 independent tasks" in _PAGE
    assert "s is 0.5 unless" in _PAGE
    suites = {name: load_suite(name).tasks(Split.VALIDATION) for name in ("planning", "travel")}
    assert {name: independent(tasks) for name, tasks in suites.items()} == {"planning": 25, "travel": 36}
