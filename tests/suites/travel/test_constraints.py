"""The constraints: all hold of the solver's plan, and a change that breaks one breaks no other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import combinations, pairwise, product

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from autoflow.suites.travel import (
    Cuisine,
    Day,
    HouseRule,
    Journey,
    Kind,
    Mode,
    Place,
    Plan,
    RoomWish,
    Score,
    Transportation,
    TravelTask,
    Trip,
    Wishes,
    cheapest_plan,
    plan_cost,
    score_plan,
)
from autoflow.suites.travel.commonsense import reasonable_city_route
from tests.suites.travel.changes import BREAKS, Change
from tests.suites.travel.country import DATABASE, TASKS

_CITIES = [city for city in DATABASE.cities if city.region == "Midway Isle"]
_WISHES = st.builds(
    Wishes,
    st.none() | st.sampled_from(HouseRule),
    st.none() | st.sampled_from(RoomWish),
    st.sets(st.sampled_from(Cuisine), max_size=3).map(lambda wanted: tuple(sorted(wanted))),
    st.sampled_from((None, Mode.FLIGHT, Mode.SELF_DRIVING)),
)

_NAMES = st.sampled_from(["Nowhere", *(city.name for city in _CITIES)])
_PLACES = st.builds(Place, st.just("Nowhere Inn"), _NAMES) | st.sampled_from(
    [Place(*key) for key in (*DATABASE.accommodation, *DATABASE.restaurant, *DATABASE.attraction)]
)
_JOURNEYS = st.builds(Journey, _NAMES, _NAMES)
_DAYS = st.builds(
    Day,
    day=st.integers(1, 8),
    current_city=_NAMES | _JOURNEYS,
    transportation=st.none()
    | st.builds(Transportation, st.sampled_from(Mode), _JOURNEYS, st.sampled_from(["", "F1000", "F1"])),
    breakfast=st.none() | _PLACES,
    attraction=st.lists(_PLACES, max_size=2).map(tuple),
    lunch=st.none() | _PLACES,
    dinner=st.none() | _PLACES,
    accommodation=st.none() | _PLACES,
)


@st.composite
def trips(draw: st.DrawFn) -> Trip:
    days, visits = draw(st.sampled_from(((3, 1), (5, 2), (7, 3))))
    origin, place = draw(st.sampled_from([pair for pair in product(_CITIES, repeat=2) if pair[0] != pair[1]]))
    return Trip(
        origin=origin.name,
        destination=place.name if visits == 1 else place.state,
        visits=visits,
        first_day=DATABASE.first_day + timedelta(days=draw(st.integers(0, 24))),
        days=days,
        people=draw(st.integers(1, 9)),
        budget=0,
        wishes=draw(_WISHES),
    )


def broken(score: Score, kind: Kind) -> set[str]:
    return {verdict.constraint for verdict in score.of(kind) if not verdict.holds}


@given(trips())
def test_every_constraint_holds_of_the_solvers_plan(trip: Trip) -> None:
    plan = cheapest_plan(DATABASE, trip)
    assume(plan is not None)
    assert plan is not None
    score = score_plan(DATABASE, replace(trip, budget=plan_cost(DATABASE, trip, plan)), plan)
    assert score.final_pass, score
    assert score.reward == 1.0
    assert cheapest_plan(DATABASE, trip) == plan


@pytest.mark.parametrize("change", BREAKS, ids=lambda change: change.__name__)
def test_a_change_breaks_its_constraint_and_no_other(change: Change) -> None:
    tried = 0
    for task in TASKS:
        trip, plan = change(replace(task.trip, budget=1_000_000), task.reference)
        if (trip, plan) == (replace(task.trip, budget=1_000_000), task.reference):
            continue
        tried += 1
        score = score_plan(DATABASE, trip, plan)
        failing = broken(score, Kind.COMMONSENSE) | broken(score, Kind.HARD)
        expected = {BREAKS[change]}
        if BREAKS[change] in ("within_sandbox", "complete_information"):
            expected |= {verdict.constraint for verdict in score.of(Kind.HARD)}
        assert failing == expected, (task.id, score)
        assert all(verdict.holds is not bool(verdict.reason) for verdict in score.verdicts)
        assert 0 < score.reward < 1
    assert tried >= 10


@given(st.sampled_from(TASKS), st.lists(_DAYS, min_size=1, max_size=8).map(tuple))
def test_any_plan_is_judged(task: TravelTask, plan: Plan) -> None:
    score = score_plan(DATABASE, task.trip, plan)
    assert 0 <= score.reward < 1
    assert not score.final_pass


def test_a_plan_that_names_nothing_has_no_merits_but_its_route() -> None:
    task = next(task for task in TASKS if task.trip.days == 5)
    plan = tuple(Day(day.day, day.current_city) for day in task.reference)
    score = score_plan(DATABASE, task.trip, plan)
    assert {verdict.constraint for verdict in score.verdicts if verdict.holds} == {"reasonable_city_route"}


def test_no_plan_with_the_required_meals_is_cheaper() -> None:
    task = next(task for task in TASKS if task.stratum == "3 days, hard" and task.trip.wishes.cuisines)
    trip, reference = task.trip, plan_cost(DATABASE, task.trip, task.reference)
    costs = [(plan_cost(DATABASE, trip, plan), plan) for plan in every_plan(trip)]
    affordable = [(cost, plan) for cost, plan in costs if cost <= reference]
    assert reference == min(cost for cost, plan in affordable if score_plan(DATABASE, trip, plan).final_pass)


def every_plan(trip: Trip) -> Iterator[Plan]:
    """All plans of three days that differ in transportation, bed and restaurants."""
    there = Journey(trip.origin, trip.destination)
    back = Journey(trip.destination, trip.origin)
    sights = DATABASE.attractions_in[trip.destination]
    for out, home, bed, meals in product(
        ways(there, trip, 1),
        ways(back, trip, 3),
        DATABASE.accommodations_in[trip.destination],
        combinations(DATABASE.restaurants_in[trip.destination], 4),
    ):
        first, breakfast, lunch, dinner = (Place(row.name, row.city) for row in meals)
        one, two = ((Place(row.name, row.city),) for row in sights[:2])
        night = Place(bed.name, bed.city)
        yield (
            Day(1, there, out, None, one, None, first, night),
            Day(2, trip.destination, None, breakfast, two, lunch, dinner, night),
            Day(3, back, home),
        )


def ways(journey: Journey, trip: Trip, day: int) -> list[Transportation]:
    flights = DATABASE.flights_on(journey.origin, journey.destination, trip.day(day))
    flown = [Transportation(Mode.FLIGHT, journey, flight.number) for flight in flights]
    return [*flown, Transportation(Mode.SELF_DRIVING, journey), Transportation(Mode.TAXI, journey)]


def route(*cities: str) -> Plan:
    """A plan that ends its days in these cities, the first of which is where it begins."""
    return tuple(
        Day(number, city if city == before else Journey(before, city))
        for number, (before, city) in enumerate(pairwise(cities), start=1)
    )


_ELSEWHERE, _HERE = _CITIES[0].name, [city.name for city in _CITIES if city.state == _CITIES[-1].state]


@pytest.mark.parametrize(
    ("plan", "reason"),
    [
        (route(_ELSEWHERE, _HERE[0], _HERE[0], _HERE[1], _ELSEWHERE), None),
        (route(_HERE[0], _HERE[0], _HERE[1], _ELSEWHERE), "The first day must lead from"),
        (route(_HERE[2], _HERE[0], _HERE[1], _ELSEWHERE), "The first day must lead from"),
        (route(_ELSEWHERE, _HERE[0], _HERE[1]), "The last day must lead back to"),
        (route(_ELSEWHERE, _HERE[0], _HERE[1], _ELSEWHERE, _ELSEWHERE), "The last day must lead back to"),
        (
            route(_ELSEWHERE, _HERE[0], _HERE[1], _HERE[0], _ELSEWHERE),
            "comes back to a city that it has left",
        ),
        (route(_ELSEWHERE, _HERE[0], _ELSEWHERE), "must visit 2 cities, and visits 1"),
        (route(_ELSEWHERE, *_HERE[:3], _ELSEWHERE), "must visit 2 cities, and visits 3"),
        (route(_ELSEWHERE, _HERE[0], _CITIES[1].name, _ELSEWHERE), "is not what was asked for"),
        (
            (*route(_ELSEWHERE, _HERE[0]), Day(2, Journey(_HERE[1], _ELSEWHERE))),
            f"Day 2 begins in {_HERE[1]}, but the day before ends in {_HERE[0]}",
        ),
    ],
)
def test_a_route_is_judged_by_its_cities(plan: Plan, reason: str | None) -> None:
    trip = Trip(_ELSEWHERE, _CITIES[-1].state, 2, DATABASE.first_day, 5, 1, 900, Wishes())
    said = reasonable_city_route(DATABASE, trip, plan)
    assert said is None if reason is None else reason in (said or "")
