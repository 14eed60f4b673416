"""The page of an optimisation: everything is on it, and nothing that a model wrote can act."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import pytest

from autoflow.llm.base import Usage
from autoflow.power import Power
from autoflow.suites import Split, load_suite
from autoflow_worker.ports import Execution, Score, Step
from autoflow_worker.run_page.page import render
from autoflow_worker.run_page.tallies import StepTallies
from tests.worker.run_page.stories import HOSTILE, TASKS, story, workflow


def _section(page: str, name: str) -> str:
    found = re.search(rf'<h2 id="{name}">(.*?)(?=<h2|</body>)', page, re.DOTALL)
    assert found is not None, name
    return found[1]


@pytest.fixture(scope="module")
def page() -> str:
    return render(story()).decode()


def test_everything_is_on_it(page: str) -> None:
    assert "<h1>Planning: reflective</h1>" in page
    assert "against <b>baseline</b>: accepted: +0.400, and the interval lies above zero." in page
    assert "0.17 or more is found 8 times in 10" in page
    assert _section(page, "result").count("<tr>") == 4
    assert "exact plan, not optimised" in page
    assert '<td class="n">1,100</td>' in page
    assert "Registered as <b>workflows/planner@3</b>" in page
    assert "from baseline" in _section(page, "changed")
    assert _section(page, "tasks").count("<tr>") == TASKS + 1
    assert "<b>Step 5</b>" in _section(page, "steps")
    assert "<b>480</b><small>executions</small>" in _section(page, "ledger")
    assert "0.4321" in _section(page, "ledger")
    assert "kept: 8, screened out: 8, duplicate: 8, invalid: 8." in " ".join(_section(page, "tree").split())
    refused = _section(page, "refused")
    assert refused.count("screened out") == 8
    assert "leads nowhere" in refused
    # One dot is ringed, and it is the winner's.
    assert _section(page, "tree").count('stroke="var(--ink)"') == 1


def test_the_tasks_on_which_the_winner_does_worst_come_first_and_missing_ones_last(page: str) -> None:
    found = re.findall(r'<td class="n [a-z]*">\s*([+-]\d\.\d+|-)</td>', _section(page, "tasks"))
    numbers = [float(value) for value in found if value != "-"]
    assert numbers == sorted(numbers)
    assert len(found) == TASKS
    assert found[-1] == "-"


def test_what_a_model_wrote_stays_text(page: str) -> None:
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 3
    assert HOSTILE not in page


def test_it_needs_nothing_else(page: str) -> None:
    assert not re.search(r'(src|href)\s*=\s*"', page)
    assert "default-src 'none'" in page
    assert "url(http" not in page


def test_without_a_comparator_nothing_is_compared() -> None:
    page = render(story(compared=False)).decode()
    assert 'class="verdict' not in page
    assert 'id="changed"' not in page
    assert "difference</th>" not in page


def test_too_few_tasks_to_tell_anything_are_told_in_words() -> None:
    told = story()
    assert told.result.acceptance is not None
    blind = replace(told.result.acceptance, power=Power(4, math.inf, 0.5))
    page = render(replace(told, result=replace(told.result, acceptance=blind))).decode()
    assert "So few tasks tell no difference from chance." in page
    assert "found 8 times in 10" not in page


def test_a_single_iteration_has_a_page() -> None:
    assert b'<h2 id="curve">' in render(story(iterations=1))


def test_steps_are_tallied_by_execution() -> None:
    tallies, found = StepTallies(), workflow("expert")
    first, second = load_suite("planning").tasks(Split.TRAIN)[:2]
    steps = (Step("A", "begin", "one"), Step("B", "go on", "two"), Step("A", "begin", "three"))
    tallies.note(found, first, Execution("x", Usage(), steps=steps), Score(True, 0.2))
    tallies.note(found, second, Execution("x", Usage(), steps=steps[:1]), Score(True, 0.9))
    a, b = tallies.of(found)
    assert (a.executions, a.failed, a.ended, a.reward, a.example) == (2, 1, 1, 0.55, "three")
    assert (b.executions, b.failed, b.ended, b.reward, b.example) == (1, 1, 0, 0.2, "two")
    assert tallies.of(workflow("baseline")) == []


def test_what_a_page_is_not_about_is_not_tallied() -> None:
    """Else it would say more of a run that nothing interrupted than of one that another worker took over."""
    suite, found = load_suite("planning"), workflow("expert")
    train, sealed = suite.tasks(Split.TRAIN)[0], suite.tasks(Split.TEST)[0]
    tallies = StepTallies(suite.tasks(Split.TEST))
    for task in (train, sealed):
        tallies.note(found, task, Execution("x", Usage(), steps=(Step("A"),)), Score(True, 0.9))
    assert [(step.name, step.executions) for step in tallies.of(found)] == [("A", 1)]
