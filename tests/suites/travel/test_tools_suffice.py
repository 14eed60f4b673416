"""The tools tell all that an answer is judged by: its cost follows from their results alone."""

from __future__ import annotations

import csv
import io
from math import ceil

import pytest

from autoflow.suites.travel import Mode, Place, Transportation, TravelTask, plan_cost
from tests.suites.travel.country import DATABASE, SUITE, TASKS

_TOOLS = {tool.name: tool for tool in SUITE.tools}


def found(tool: str, column: str, value: str, **arguments: str) -> dict[str, str]:
    """The one row of a tool's result with that value in that column."""
    text = _TOOLS[tool].call(DATABASE, arguments)
    [row] = [row for row in csv.DictReader(io.StringIO(text)) if row[column] == value]
    return row


def journey_cost(way: Transportation, day: str, people: int) -> int:
    ends = {"origin": way.journey.origin, "destination": way.journey.destination}
    if way.mode is Mode.FLIGHT:
        return people * int(found("flight_search", "flight", way.flight, date=day, **ends)["price"])
    seats = 5 if way.mode is Mode.SELF_DRIVING else 4
    return ceil(people / seats) * int(found("distance", "mode", way.mode, **ends)["price"])


def night_cost(bed: Place, people: int) -> int:
    row = found("accommodation_search", "name", bed.name, city=bed.city)
    return ceil(people / int(row["maximum_occupancy"])) * int(row["price"])


@pytest.mark.parametrize("task", TASKS[::7], ids=lambda task: task.id)
def test_the_cost_of_a_plan_follows_from_what_the_tools_say(task: TravelTask) -> None:
    trip, cost = task.trip, 0
    for day in task.reference:
        if day.transportation:
            cost += journey_cost(day.transportation, trip.day(day.day).isoformat(), trip.people)
        for meal in day.meals:
            row = found("restaurant_search", "name", meal.name, city=meal.city)
            cost += trip.people * int(row["price"])
        for sight in day.attraction:
            assert found("attraction_search", "name", sight.name, city=sight.city)
        if day.accommodation:
            cost += night_cost(day.accommodation, trip.people)
        if trip.visits > 1 and day.day < trip.days:
            assert found("city_search", "city", day.end, state=trip.destination)
    assert cost == plan_cost(DATABASE, trip, task.reference) <= trip.budget
