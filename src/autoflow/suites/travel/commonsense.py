"""The common-sense constraints: what holds for every sensible plan, though no query asks for it.

Each check returns None where its constraint holds, else a sentence that says why not. One that speaks of
things of which a plan names none does not hold: an empty plan has no merits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise

from autoflow.suites.travel.answers import Day, Journey, Place, Plan
from autoflow.suites.travel.costs import journey_cost
from autoflow.suites.travel.model import Database, Mode
from autoflow.suites.travel.trips import Trip


def within_sandbox(database: Database, trip: Trip, plan: Plan) -> str | None:
    """Everything that the plan names is in the database: cities, journeys on that day, places."""
    if not any(_places(day) for day in plan):
        return "The plan names no place."
    for number, day in enumerate(plan, start=1):
        for city in (day.start, day.end):
            if city not in database.city:
                return f"Day {number}: there is no city {city}."
        chosen = day.transportation
        if chosen and journey_cost(database, chosen, trip.day(number), trip.people) is None:
            return f"Day {number}: there is no {chosen} on {trip.day(number)}."
        for kind, place, table in (
            *(("restaurant", meal, database.restaurant) for meal in day.meals),
            *(("attraction", place, database.attraction) for place in day.attraction),
            *(("accommodation", place, database.accommodation) for place in _night(day)),
        ):
            if (place.name, place.city) not in table:
                return f"Day {number}: there is no {kind} {place.name} in {place.city}."
    return None


def complete_information(database: Database, trip: Trip, plan: Plan) -> str | None:
    """Every day of the trip is there, with all that it needs.

    A day in one city needs three meals, an attraction and an accommodation; a day of travel needs its
    transportation and, unless it is the last one, dinner and an accommodation.
    """
    if [day.day for day in plan] != list(range(1, trip.days + 1)):
        return f"The plan must have the days 1 to {trip.days}, in order."
    for day in plan:
        needed = _needed(day, last=day.day == trip.days)
        missing = next((name for name in needed if not getattr(day, name)), None)
        if missing:
            return f"Day {day.day}: the {missing} is missing."
    return None


def within_current_city(database: Database, trip: Trip, plan: Plan) -> str | None:
    """Everything is in a city of its day, the night in the one where the day ends, and journeys fit."""
    if not any(_places(day) for day in plan):
        return "The plan names no place."
    for number, day in enumerate(plan, start=1):
        if day.transportation and day.transportation.journey != day.current_city:
            return (
                f"Day {number}: the transportation leads {day.transportation.journey}, not as the day does."
            )
        away = next((place for place in _places(day) if place.city not in (day.start, day.end)), None)
        if away:
            return f"Day {number}: {away.name} is in {away.city}, where the day is not spent."
        if day.accommodation and day.accommodation.city != day.end:
            return f"Day {number}: the day ends in {day.end}, but the night is in {day.accommodation.city}."
    return None


def reasonable_city_route(database: Database, trip: Trip, plan: Plan) -> str | None:
    """The route leads from the origin through as many wanted cities as asked for, each once, and back."""
    first, last = plan[0], plan[-1]
    if not isinstance(first.current_city, Journey) or first.start != trip.origin:
        return f"The first day must lead from {trip.origin}."
    if not isinstance(last.current_city, Journey) or last.end != trip.origin:
        return f"The last day must lead back to {trip.origin}."
    for before, day in pairwise(plan):
        if day.start != before.end:
            return f"Day {day.day} begins in {day.start}, but the day before ends in {before.end}."
    stays = [city for city, _ in groupby(day.end for day in plan[:-1])]
    if len(set(stays)) != len(stays):
        return "The route comes back to a city that it has left."
    if len(stays) != trip.visits:
        return f"The plan must visit {trip.visits} cities, and visits {len(stays)}."
    wanted = database.cities_of(trip.destination)
    stray = next((city for city in stays if city not in wanted or city == trip.origin), None)
    return f"{stray} is not what was asked for: {trip.destination}." if stray else None


def diverse_restaurants(database: Database, trip: Trip, plan: Plan) -> str | None:
    """No restaurant is visited twice."""
    return _repeated([meal for day in plan for meal in day.meals], "restaurant")


def diverse_attractions(database: Database, trip: Trip, plan: Plan) -> str | None:
    """No attraction is visited twice."""
    return _repeated([place for day in plan for place in day.attraction], "attraction")


def non_conflicting_transportation(database: Database, trip: Trip, plan: Plan) -> str | None:
    """Who drives a car of their own has it with them, so neither flies nor takes a taxi."""
    modes = {day.transportation.mode for day in plan if day.transportation}
    if not modes:
        return "The plan names no transportation."
    if Mode.SELF_DRIVING in modes and len(modes) > 1:
        others = " and ".join(sorted(modes - {Mode.SELF_DRIVING}))
        return f"Self-driving is mixed with {others}."
    return None


def minimum_nights(database: Database, trip: Trip, plan: Plan) -> str | None:
    """Every stay has at least as many nights in a row as the accommodation lets."""
    stays = [
        (place, len(list(nights))) for place, nights in groupby(day.accommodation for day in plan) if place
    ]
    if not stays:
        return "The plan names no accommodation."
    for place, nights in stays:
        row = database.accommodation.get((place.name, place.city))
        if row and nights < row.minimum_nights:
            return f"{place.name} lets {row.minimum_nights} nights or more, and the plan spends {nights}."
    return None


def _night(day: Day) -> tuple[Place, ...]:
    return (day.accommodation,) if day.accommodation else ()


def _places(day: Day) -> tuple[Place, ...]:
    return (*day.meals, *day.attraction, *_night(day))


def _needed(day: Day, last: bool) -> Iterator[str]:
    travels = isinstance(day.current_city, Journey)
    if travels:
        yield "transportation"
    else:
        yield from ("breakfast", "lunch", "attraction")
    if not (travels and last):
        yield from ("dinner", "accommodation")


def _repeated(places: Sequence[Place], kind: str) -> str | None:
    if not places:
        return f"The plan names no {kind}."
    twice = next((place for place, count in Counter(places).items() if count > 1), None)
    return f"The {kind} {twice.name} is visited twice." if twice else None
