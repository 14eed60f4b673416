"""What a plan costs, for all people together."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from autoflow.suites.travel.answers import Plan, Transportation
from autoflow.suites.travel.model import Accommodation, Database, Mode, Restaurant
from autoflow.suites.travel.trips import Trip

PER_CAR = 5
"""People whom one car takes."""
PER_TAXI = 4


def plan_cost(database: Database, trip: Trip, plan: Plan) -> int:
    """Dollars for everything in the plan that the database knows; the rest costs nothing."""
    return sum(_costs(database, trip, plan))


def night_cost(accommodation: Accommodation, people: int) -> int:
    """Dollars for one night, in as many rooms as it takes."""
    return accommodation.price * -(-people // accommodation.maximum_occupancy)


def meal_cost(restaurant: Restaurant, people: int) -> int:
    """Dollars for one meal."""
    return restaurant.price * people


def journey_cost(database: Database, chosen: Transportation, day: date, people: int) -> int | None:
    """Dollars for a journey on a day; None where there is none of that kind."""
    ends = chosen.journey.origin, chosen.journey.destination
    if chosen.mode is Mode.FLIGHT:
        flights = database.flights_on(*ends, day)
        return next((row.price * people for row in flights if row.number == chosen.flight), None)
    road = database.road(*ends)
    if road is None:
        return None
    if chosen.mode is Mode.SELF_DRIVING:
        return road.self_driving * -(-people // PER_CAR)
    return None if road.taxi is None else road.taxi * -(-people // PER_TAXI)


def _costs(database: Database, trip: Trip, plan: Plan) -> Iterator[int]:
    for number, day in enumerate(plan, start=1):
        if day.transportation:
            yield journey_cost(database, day.transportation, trip.day(number), trip.people) or 0
        for meal in day.meals:
            if restaurant := database.restaurant.get((meal.name, meal.city)):
                yield meal_cost(restaurant, trip.people)
        if day.accommodation:
            known = database.accommodation.get((day.accommodation.name, day.accommodation.city))
            yield night_cost(known, trip.people) if known else 0
