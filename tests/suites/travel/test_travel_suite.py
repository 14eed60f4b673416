"""The suite: its tasks are possible, not trivially, and split by region; its measures are the paper's."""

from __future__ import annotations

import re
from dataclasses import asdict
from enum import StrEnum

import pytest

from autoflow.language import check
from autoflow.suites import Split, workflow_text
from autoflow.suites.travel import (
    Cuisine,
    HouseRule,
    Kind,
    Measures,
    Mode,
    RoomWish,
    Score,
    TravelTask,
    Trip,
    Verdict,
    Wishes,
    cheapest_plan,
    measures,
    plan_cost,
    write_answer,
)
from autoflow.suites.travel.answers import FIELDS
from tests.suites.travel.country import DATABASE, SUITE, TASKS


def test_the_suite_is_the_same_everywhere() -> None:
    assert SUITE.digest == "sha256:3abfdfb1b2890566a1d9114f3220baaeff85807725e3d5fcbb71a22eba5e464c"


@pytest.mark.parametrize(("split", "count"), [(Split.TRAIN, 90), (Split.VALIDATION, 36), (Split.TEST, 54)])
def test_every_split_has_every_kind_of_task(split: Split, count: int) -> None:
    tasks = SUITE.tasks(split)
    assert len(tasks) == count
    strata = {f"{days} days, {level}" for days in (3, 5, 7) for level in ("easy", "medium", "hard")}
    assert {task.stratum for task in tasks} == strata
    assert SUITE.tasks(split) is tasks


def test_levels_differ_in_wishes_and_people() -> None:
    for task in TASKS:
        count = sum(bool(wish) for wish in asdict(task.trip.wishes).values())
        assert count == {"easy": 0, "medium": 1, "hard": 3}[task.stratum.split(", ")[1]]
        assert (task.trip.people == 1) is (count == 0)
        assert task.trip.visits == {3: 1, 5: 2, 7: 3}[task.trip.days]


def test_ids_and_queries_are_unique() -> None:
    assert len({task.id for task in TASKS}) == len({task.query for task in TASKS}) == len(TASKS)
    assert len({task.digest for task in TASKS}) == len(TASKS)


def test_splits_share_no_city() -> None:
    regions = {}
    for split in Split:
        cities = {
            city for task in SUITE.tasks(split) for day in task.reference for city in (day.start, day.end)
        }
        regions[split] = {DATABASE.city[city].region for city in cities}
        for task in SUITE.tasks(split):
            reachable = DATABASE.cities_of(task.trip.destination)
            assert {DATABASE.city[city].region for city in reachable} == regions[split]
    assert [len(region) for region in regions.values()] == [1, 1, 1]
    assert len(set.union(*regions.values())) == 3


@pytest.mark.parametrize("task", TASKS[::9], ids=lambda task: task.id)
def test_the_reference_passes_and_the_budget_is_near_its_cost(task: TravelTask) -> None:
    score = SUITE.score(task, write_answer(task.reference))
    assert score.delivered
    assert score.final_pass
    cost = plan_cost(DATABASE, task.trip, task.reference)
    assert 1.05 * cost - 1 <= task.trip.budget <= 1.2 * cost + 10


_SAID: dict[StrEnum, tuple[str, ...]] = {
    HouseRule.PARTIES: ("Parties", "party in our"),
    HouseRule.SMOKING: ("Smoking", "smoke"),
    HouseRule.CHILDREN: ("Children", "children"),
    HouseRule.PETS: ("Pets", "pets"),
    HouseRule.VISITORS: ("Visitors", "visitors"),
    RoomWish.ENTIRE_HOME: ("entire home",),
    RoomWish.PRIVATE_ROOM: ("private room",),
    RoomWish.SHARED_ROOM: ("must be a shared room", "sleep in shared rooms"),
    RoomWish.NOT_SHARED: ("No accommodation may be a shared room", "Shared rooms are not"),
    Mode.FLIGHT: ("do not fly", "No flights"),
    Mode.SELF_DRIVING: ("do not drive", "No self-driving"),
    **{cuisine: (cuisine,) for cuisine in Cuisine},
}
_DAYS = {3: "three days", 5: "five days", 7: "seven days"}
_VISITS = {1: "", 2: "two ", 3: "three "}
_PEOPLE = {1: "ne person", 2: "two", 3: "three", 4: "four", 5: "five", 6: "six"}


def test_a_query_says_everything_that_is_judged_and_nothing_else() -> None:
    for task in TASKS:
        trip, query = task.trip, task.query
        dates = [f"May {day.day}, 2027" for day in (trip.first_day, trip.day(trip.days))]
        said = [trip.origin, trip.destination, f"${trip.budget:,}", *dates, _DAYS[trip.days]]
        assert all(words in query for words in said), query
        assert _VISITS[trip.visits] in query
        assert _PEOPLE[trip.people] in query.lower() or (trip.people == 1 and "single traveller" in query)
        wishes = {trip.wishes.room_rule, trip.wishes.room_type, trip.wishes.without, *trip.wishes.cuisines}
        for wish, words in _SAID.items():
            assert any(word in query for word in words) is (wish in wishes), (wish, query)
        assert re.search(r"  | [,.]|[,.]{2}|[{}]", query) is None, query


def test_the_guide_names_every_field() -> None:
    assert all(f"- {name}: " in SUITE.guide for name in ("day", *FIELDS))


def test_no_plan_earns_nothing() -> None:
    task = TASKS[-1]
    score = SUITE.score(task, "I am sorry.")
    assert not score.delivered
    assert not score.final_pass
    assert score.reward == 0
    assert "JSON" in score.not_delivered
    reference = SUITE.score(task, write_answer(task.reference))
    assert [v.constraint for v in score.verdicts] == [v.constraint for v in reference.verdicts]


def test_the_measures_are_those_of_the_paper() -> None:
    scores = [
        score([True, True], [True]),
        score([True, False], [True, True, False]),
        score([False, False], [False], not_delivered="no plan"),
        score([True, True], [False]),
    ]
    assert measures(scores) == Measures(
        delivery_rate=3 / 4,
        commonsense_micro=5 / 8,
        commonsense_macro=2 / 4,
        hard_micro=3 / 6,
        hard_macro=1 / 4,
        final_pass_rate=1 / 4,
    )
    assert scores[1].reward == 3 / 5
    assert measures([]) == Measures(0, 0, 0, 0, 0, 0)


def score(commonsense: list[bool], hard: list[bool], not_delivered: str = "") -> Score:
    kinds = [(Kind.COMMONSENSE, holds) for holds in commonsense] + [(Kind.HARD, holds) for holds in hard]
    return Score(tuple(Verdict("any", kind, holds, "") for kind, holds in kinds), not_delivered)


@pytest.mark.parametrize("visits", [1, 2, 3])
def test_what_is_impossible_has_no_plan(visits: int) -> None:
    task = TASKS[-1]
    elsewhere = next(city for city in DATABASE.cities if city.region == "Midway Isle")
    destination = elsewhere.name if visits == 1 else elsewhere.state
    trip = Trip(task.trip.origin, destination, visits, task.trip.first_day, 2 * visits + 1, 1, 9000, Wishes())
    assert cheapest_plan(DATABASE, trip) is None


def test_the_workflow_lints_without_a_finding_and_is_written_canonically() -> None:
    checked = check(workflow_text("travel"))
    assert checked.workflow is not None
    assert not checked.diagnostics
    assert checked.workflow.text == workflow_text("travel")
