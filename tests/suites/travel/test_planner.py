"""The scripted planner: reads queries as they are meant, and carries the workflow out by tools alone."""

from __future__ import annotations

from collections import Counter

from autoflow.language import check
from autoflow.suites import workflow_text
from tests.suites.travel.country import SUITE, TASKS
from tests.suites.travel.planner.reading import read_query
from tests.suites.travel.planner.walk import walk

_SOURCE = workflow_text("travel")


def passed(source: str, *, most: int = 60) -> dict[int, int]:
    """How many of some tasks, five of each number of days, are right in every respect."""
    workflow = check(source).workflow
    assert workflow is not None
    found = Counter[int]()
    for task in TASKS[::12]:
        answer = walk(workflow, SUITE, task, most=most).answer
        found[task.trip.days] += SUITE.score(task, answer).final_pass
    return dict(found)


def test_every_query_is_read_as_it_is_meant() -> None:
    for task in TASKS:
        assert read_query(task.query) == task.trip, task.query


def test_the_workflow_plans_trips_within_sixty_steps() -> None:
    assert passed(_SOURCE) == {3: 5, 5: 4, 7: 5}


def test_what_is_too_dear_is_planned_anew() -> None:
    once = _SOURCE.replace("::No::Step 6::None left", "::No::Step 11::None left")
    assert passed(once) == {3: 5, 5: 4, 7: 3}


def test_nothing_comes_of_too_few_steps() -> None:
    assert passed(_SOURCE, most=13) == {3: 1, 5: 0, 7: 0}
