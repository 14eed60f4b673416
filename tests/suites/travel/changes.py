"""Changes to a right plan, or to what is asked for, each of which breaks one constraint.

A change gives its arguments back where the plan does not lend itself to it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

from autoflow.suites.travel import (
    Accommodation,
    Cuisine,
    HouseRule,
    Journey,
    Mode,
    Place,
    Plan,
    RoomWish,
    Transportation,
    Trip,
    plan_cost,
)
from tests.suites.travel.country import DATABASE

Change: TypeAlias = Callable[[Trip, Plan], tuple[Trip, Plan]]


def changed(plan: Plan, index: int, **fields: Any) -> Plan:
    return (*plan[:index], replace(plan[index], **fields), *plan[index + 1 :])


def wishing(trip: Trip, **wishes: Any) -> Trip:
    return replace(trip, wishes=replace(trip.wishes, **wishes))


def full_day(plan: Plan) -> int | None:
    return next((index for index, day in enumerate(plan) if isinstance(day.current_city, str)), None)


def first_bed(plan: Plan) -> Accommodation:
    bed = plan[0].accommodation
    assert bed is not None
    return DATABASE.accommodation[bed.name, bed.city]


def all_legs(plan: Plan, mode: Mode) -> bool:
    return all(day.transportation.mode is mode for day in plan if day.transportation)


def names_an_unknown_restaurant(trip: Trip, plan: Plan) -> tuple[Trip, Plan]:
    return trip, changed(plan, 0, dinner=Place("Nowhere Inn", plan[0].end))


def names_an_unknown_attraction(trip: Trip, plan: Plan) -> tuple[Trip, Plan]:
    return trip, changed(plan, 0, attraction=(Place("Nowhere Hall", plan[0].end),))


def names_an_unknown_accommodation(trip: Trip, plan: Plan) -> tuple[Trip, Plan]:
    bed = Place("Nowhere Loft", plan[0].end)
    return trip, tuple(replace(day, accommodation=bed) if day.end == bed.city else day for day in plan)


def names_a_flight_of_another_day(trip: Trip, plan: Plan) -> tuple[Trip, Plan]:
    chosen = plan[-1].transportation
    if chosen is None or not chosen.flight:
        return trip, plan
    today = DATABASE.flights_on(chosen.journey.origin, chosen.journey.destination, trip.day(trip.days))
    number = next(row.number for row in DATABASE.flights if row.number not in {row.number for row in today})
    return trip, changed(plan, len(plan) - 1, transportation=replace(chosen, flight=number))


def forgets_a_dinner(trip: Trip, plan: Plan) -> tuple[Trip, Plan]:
    return trip, changed(plan, 0, dinner=None)


def forgets_a_breakfast(trip: Trip, plan: Plan) -> tuple[Trip, Plan]:
    index = full_day(plan)
    return trip, plan if index is None else changed(plan, index, breakfast=None)


def miscounts_the_days(trip: Trip, plan: Plan) -> tuple[Trip, Plan]:
    return trip, changed(plan, 1, day=3)


def dines_in_another_city(trip: Trip, plan: Plan) -> tuple[Trip, Plan]:
    visited = {day.end for day in plan}
    elsewhere = next(row for row in DATABASE.restaurants if row.city not in visited)
    return wishing(trip, cuisines=()), changed(plan, 0, dinner=Place(elsewhere.name, elsewhere.city))


def drives_the_other_way(trip: Trip, plan: Plan) -> tuple[Trip, Plan]:
    chosen = plan[0].transportation
    if chosen is None or chosen.flight:
        return trip, plan
    back = Journey(chosen.journey.destination, chosen.journey.origin)
    return trip, changed(plan, 0, transportation=replace(chosen, journey=back))


def sleeps_where_the_last_day_begins(trip: Trip, plan: Plan) -> tuple[Trip, Plan]:
    return trip, changed(plan, len(plan) - 1, accommodation=plan[-2].accommodation)


def is_wanted_elsewhere(trip: Trip, plan: Plan) -> tuple[Trip, Plan]:
    visited = {DATABASE.city[day.end].state for day in plan}
    return replace(trip, destination=next(name for name in DATABASE.states if name not in visited)), plan


def is_wanted_for_more_cities(trip: Trip, plan: Plan) -> tuple[Trip, Plan]:
    return replace(trip, visits=trip.visits + 1), plan


def does_not_come_home(trip: Trip, plan: Plan) -> tuple[Trip, Plan]:
    if not all_legs(plan, Mode.SELF_DRIVING):
        return trip, plan
    region = DATABASE.city[trip.origin].region
    visited = {day.end for day in plan}
    away = next(row.name for row in DATABASE.cities if row.region == region and row.name not in visited)
    journey = Journey(plan[-1].start, away)
    leg = Transportation(Mode.SELF_DRIVING, journey)
    return trip, changed(plan, len(plan) - 1, current_city=journey, transportation=leg)


def eats_twice_at_one_place(trip: Trip, plan: Plan) -> tuple[Trip, Plan]:
    index = full_day(plan)
    if index is None:
        return trip, plan
    return wishing(trip, cuisines=()), changed(plan, index, lunch=plan[index].dinner)


def sees_one_attraction_twice(trip: Trip, plan: Plan) -> tuple[Trip, Plan]:
    return trip, changed(plan, 0, attraction=plan[0].attraction * 2)


def leaves_the_car_behind(trip: Trip, plan: Plan) -> tuple[Trip, Plan]:
    mode = Mode.TAXI if all_legs(plan, Mode.SELF_DRIVING) else Mode.SELF_DRIVING
    journey = plan[0].current_city
    assert isinstance(journey, Journey)
    road = DATABASE.road(journey.origin, journey.destination)
    if trip.wishes.without is mode or road is None or road.taxi is None:
        return trip, plan
    return trip, changed(plan, 0, transportation=Transportation(mode, journey))


def leaves_too_early(trip: Trip, plan: Plan) -> tuple[Trip, Plan]:
    nights = sum(day.end == plan[0].end for day in plan)
    return trip, _in_another_bed(plan, lambda row: row.minimum_nights > nights and _granted(trip, row))


def costs_too_much(trip: Trip, plan: Plan) -> tuple[Trip, Plan]:
    return replace(trip, budget=plan_cost(DATABASE, trip, plan) - 1), plan


def sleeps_where_pets_are_forbidden(trip: Trip, plan: Plan) -> tuple[Trip, Plan]:
    beds = [day.accommodation for day in plan if day.accommodation]
    rules = [DATABASE.accommodation[bed.name, bed.city].forbids for bed in beds]
    if HouseRule.PETS not in {rule for forbidden in rules for rule in forbidden}:
        return trip, plan
    return wishing(trip, room_rule=HouseRule.PETS), plan


def sleeps_in_another_room_type(trip: Trip, plan: Plan) -> tuple[Trip, Plan]:
    kind = first_bed(plan).room_type
    return wishing(trip, room_type=next(wish for wish in RoomWish if not wish.grants(kind))), plan


def misses_a_cuisine(trip: Trip, plan: Plan) -> tuple[Trip, Plan]:
    meals = [DATABASE.restaurant[meal.name, meal.city] for day in plan for meal in day.meals]
    missing = set(Cuisine) - {cuisine for row in meals for cuisine in row.cuisines}
    return (wishing(trip, cuisines=(min(missing),)) if missing else trip), plan


def has_a_cuisine_only_at_home(trip: Trip, plan: Plan) -> tuple[Trip, Plan]:
    wishing_more, _ = misses_a_cuisine(trip, plan)
    wanted = wishing_more.wishes.cuisines
    rows = [row for row in DATABASE.restaurants_in[trip.origin] if set(wanted) & set(row.cuisines)]
    if wishing_more == trip or not rows:
        return trip, plan
    return wishing_more, changed(plan, 0, breakfast=Place(rows[0].name, trip.origin))


def travels_as_is_not_wanted(trip: Trip, plan: Plan) -> tuple[Trip, Plan]:
    assert plan[0].transportation is not None
    return wishing(trip, without=plan[0].transportation.mode), plan


def _granted(trip: Trip, row: Accommodation) -> bool:
    wish = trip.wishes.room_type
    return trip.wishes.room_rule not in row.forbids and (wish is None or wish.grants(row.room_type))


def _in_another_bed(plan: Plan, suits: Callable[[Accommodation], bool]) -> Plan:
    city = plan[0].end
    row = next((row for row in DATABASE.accommodations_in[city] if suits(row)), None)
    bed = Place(row.name, city) if row else plan[0].accommodation
    return tuple(replace(day, accommodation=bed) if day.end == city else day for day in plan)


BREAKS: dict[Change, str] = {
    names_an_unknown_restaurant: "within_sandbox",
    names_an_unknown_attraction: "within_sandbox",
    names_an_unknown_accommodation: "within_sandbox",
    names_a_flight_of_another_day: "within_sandbox",
    forgets_a_dinner: "complete_information",
    forgets_a_breakfast: "complete_information",
    miscounts_the_days: "complete_information",
    dines_in_another_city: "within_current_city",
    drives_the_other_way: "within_current_city",
    sleeps_where_the_last_day_begins: "within_current_city",
    is_wanted_elsewhere: "reasonable_city_route",
    is_wanted_for_more_cities: "reasonable_city_route",
    does_not_come_home: "reasonable_city_route",
    eats_twice_at_one_place: "diverse_restaurants",
    sees_one_attraction_twice: "diverse_attractions",
    leaves_the_car_behind: "non_conflicting_transportation",
    leaves_too_early: "minimum_nights",
    costs_too_much: "budget",
    sleeps_where_pets_are_forbidden: "room_rule",
    sleeps_in_another_room_type: "room_type",
    misses_a_cuisine: "cuisine",
    has_a_cuisine_only_at_home: "cuisine",
    travels_as_is_not_wanted: "transportation",
}
