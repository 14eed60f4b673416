"""The hard constraints: what a query asks for. Each check returns None where it holds, else why not."""

from __future__ import annotations

from collections.abc import Iterator

from autoflow.suites.travel.answers import Plan
from autoflow.suites.travel.costs import plan_cost
from autoflow.suites.travel.model import Accommodation, Database
from autoflow.suites.travel.trips import Trip


def budget(database: Database, trip: Trip, plan: Plan) -> str | None:
    """The plan costs no more than the budget."""
    cost = plan_cost(database, trip, plan)
    return f"The plan costs ${cost:,}, and the budget is ${trip.budget:,}." if cost > trip.budget else None


def room_rule(database: Database, trip: Trip, plan: Plan) -> str | None:
    """Every accommodation allows what the query says it must."""
    rule = trip.wishes.room_rule
    bad = next((row for row in _accommodations(database, plan) if rule in row.forbids), None)
    return f"{bad.name} forbids {rule}." if bad else None


def room_type(database: Database, trip: Trip, plan: Plan) -> str | None:
    """Every accommodation is of the wanted type."""
    wish = trip.wishes.room_type
    rows = _accommodations(database, plan)
    bad = next((row for row in rows if wish and not wish.grants(row.room_type)), None)
    return f"{bad.name} is of type {bad.room_type}; wanted is {wish}." if bad else None


def cuisine(database: Database, trip: Trip, plan: Plan) -> str | None:
    """Every wanted cuisine is served by a restaurant of the plan, away from the origin."""
    meals = [meal for day in plan for meal in day.meals if meal.city != trip.origin]
    rows = [database.restaurant.get((meal.name, meal.city)) for meal in meals]
    served = {served for row in rows if row for served in row.cuisines}
    missing = [wanted for wanted in trip.wishes.cuisines if wanted not in served]
    return f"No restaurant of the plan serves {' or '.join(missing)} food." if missing else None


def transportation(database: Database, trip: Trip, plan: Plan) -> str | None:
    """The way to travel that is not wanted is not used."""
    unwanted = trip.wishes.without
    used = any(day.transportation and day.transportation.mode is unwanted for day in plan)
    return f"The plan uses {unwanted}, which is not wanted." if used else None


def _accommodations(database: Database, plan: Plan) -> Iterator[Accommodation]:
    for place in (day.accommodation for day in plan if day.accommodation):
        if row := database.accommodation.get((place.name, place.city)):
            yield row
