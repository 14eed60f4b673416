"""Finds the cheapest plan of a trip by exhaustive search: proof that it can be planned, and the reference.

Tried are all orders of all cities that may be visited, all numbers of nights in them, and driving against the
cheapest of flights and taxis, in the order of what they cost at least, until nothing cheaper can follow. The
bed is the cheapest that the wishes allow (changing it within a city never pays), and the meals are the
cheapest that cover the wanted cuisines.

Left out, so that a plan with them may be cheaper still: dinner where a day of travel begins, and meals that a
plan need not have, for the sake of a cuisine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, combinations, pairwise, permutations
from typing import TypeAlias

from autoflow.suites.travel.answers import Day, Journey, Place, Plan, Transportation
from autoflow.suites.travel.costs import journey_cost, meal_cost, night_cost
from autoflow.suites.travel.model import Accommodation, Cuisine, Database, Mode, Restaurant
from autoflow.suites.travel.trips import Trip

Route: TypeAlias = tuple[tuple[str, int], ...]
"""The cities in the order of the visits, each with its nights."""

_Leg: TypeAlias = tuple[Transportation, int]
_Meals: TypeAlias = frozenset[Restaurant]


@dataclass(frozen=True, slots=True)
class _Stay:
    """A city and the nights that are spent in it."""

    city: str
    nights: int

    @property
    def meals(self) -> int:
        """Those that a complete plan needs: dinner on arrival, and three on every other day."""
        return 3 * self.nights - 2


@dataclass(frozen=True, slots=True)
class _Route:
    """All of a plan but its meals and attractions."""

    stays: tuple[_Stay, ...]
    legs: tuple[Transportation, ...]
    cost: int
    at_least: int
    """Dollars with the cheapest meals, whatever they are."""


def cheapest_plan(
    database: Database, trip: Trip, allowed: Callable[[Route], bool] = lambda route: True
) -> Plan | None:
    """The cheapest plan of which all constraints but the budget hold; None where there is none.

    Equal arguments give equal plans. Whether it is within the budget is for the caller to see.

    Args:
        database: what the plan is made of.
        trip: what is asked for.
        allowed: whether a route may be taken.
    """
    search = _Search(database, trip, allowed)
    best: tuple[int, _Route, _Meals] | None = None
    for route in sorted(search.routes(), key=lambda route: route.at_least):
        if best and route.at_least >= best[0]:
            break
        meals = search.meals(route.stays)
        if meals is not None:
            total = route.cost + search.meals_cost(meals)
            if best is None or total < best[0]:
                best = total, route, meals
    return None if best is None else search.plan(*best[1:])


class _Search:
    """The choices that a trip leaves, each computed once."""

    def __init__(self, database: Database, trip: Trip, allowed: Callable[[Route], bool]) -> None:
        self._database = database
        self._trip = trip
        self._allowed = allowed
        self._cities = [name for name in database.cities_of(trip.destination) if name != trip.origin]
        self._beds: dict[_Stay, Accommodation | None] = {}
        self._legs: dict[tuple[str, str, int, bool], _Leg | None] = {}

    def routes(self) -> Iterator[_Route]:
        """Every order of cities with every number of nights in each, by either way to travel."""
        for stays in self._stays():
            beds = [self._bed(stay) for stay in stays]
            if not all(beds):
                continue
            pairs = zip(stays, beds, strict=True)
            nights = sum(night_cost(bed, self._trip.people) * stay.nights for stay, bed in pairs if bed)
            meals = sum(self._sums[stay.city][stay.meals] for stay in stays)
            for driving in (True, False):
                legs = self._travel(stays, driving)
                if legs:
                    cost = nights + sum(price for _, price in legs)
                    yield _Route(stays, tuple(leg for leg, _ in legs), cost, cost + meals)

    def meals(self, stays: Sequence[_Stay]) -> _Meals | None:
        """The cheapest restaurants, as many as needed in each city, that serve every wanted cuisine."""
        room = {stay.city: stay.meals for stay in stays}
        covers = set(self._covers(room, self._trip.wishes.cuisines, frozenset()))
        filled = (self._filled(room, cover) for cover in covers)
        return min(
            filled,
            key=lambda meals: (self.meals_cost(meals), sorted(row.name for row in meals)),
            default=None,
        )

    def meals_cost(self, meals: _Meals) -> int:
        """Dollars for these meals."""
        return sum(meal_cost(row, self._trip.people) for row in meals)

    def plan(self, route: _Route, meals: _Meals) -> Plan:
        """The days of a plan, with an attraction wherever a day ends."""
        days: list[Day] = []
        for stay, leg in zip(route.stays, route.legs, strict=False):
            bed = self._bed(stay)
            assert bed is not None
            sights = [Place(row.name, row.city) for row in self._database.attractions_in[stay.city]]
            tables = [Place(row.name, row.city) for row in self._menu[stay.city] if row in meals]
            for night in range(stay.nights):
                arrives = night == 0
                breakfast, lunch = (None, None) if arrives else (tables.pop(), tables.pop())
                days.append(
                    Day(
                        len(days) + 1,
                        leg.journey if arrives else stay.city,
                        leg if arrives else None,
                        breakfast,
                        (sights[night],),
                        lunch,
                        tables.pop(),
                        Place(bed.name, bed.city),
                    )
                )
        return (*days, Day(self._trip.days, route.legs[-1].journey, route.legs[-1]))

    def _stays(self) -> Iterator[tuple[_Stay, ...]]:
        nights, visits = self._trip.days - 1, self._trip.visits
        for order in permutations(self._cities, visits):
            for ends in combinations(range(1, nights), visits - 1):
                lengths = (end - start for start, end in pairwise((0, *ends, nights)))
                route = tuple(zip(order, lengths, strict=True))
                stays = tuple(_Stay(*stay) for stay in route)
                if self._allowed(route) and all(self._has_enough(stay) for stay in stays):
                    yield stays

    def _has_enough(self, stay: _Stay) -> bool:
        sights = self._database.attractions_in.get(stay.city, ())
        return stay.nights <= len(sights) and stay.meals <= len(self._menu[stay.city])

    def _bed(self, stay: _Stay) -> Accommodation | None:
        """The cheapest accommodation that allows what is wished, for so many nights."""
        if stay not in self._beds:
            wishes = self._trip.wishes
            allowed = [
                row
                for row in self._database.accommodations_in.get(stay.city, ())
                if row.minimum_nights <= stay.nights
                and wishes.room_rule not in row.forbids
                and (wishes.room_type is None or wishes.room_type.grants(row.room_type))
            ]
            cheapest = min(allowed, key=lambda row: night_cost(row, self._trip.people), default=None)
            self._beds[stay] = cheapest
        return self._beds[stay]

    def _travel(self, stays: Sequence[_Stay], driving: bool) -> Sequence[_Leg]:
        """The cheapest way for each journey, self-driving or not; none where one cannot be made."""
        cities = [self._trip.origin, *(stay.city for stay in stays), self._trip.origin]
        day, legs = 1, []
        for (origin, destination), nights in zip(
            pairwise(cities), [*(stay.nights for stay in stays), 0], strict=True
        ):
            leg = self._leg(origin, destination, day, driving)
            if leg is None:
                return ()
            legs.append(leg)
            day += nights
        return legs

    def _leg(self, origin: str, destination: str, number: int, driving: bool) -> _Leg | None:
        key = origin, destination, number, driving
        if key not in self._legs:
            journey, day = Journey(origin, destination), self._trip.day(number)
            if driving:
                ways = [Transportation(Mode.SELF_DRIVING, journey)]
            else:
                flights = self._database.flights_on(origin, destination, day)
                ways = [Transportation(Mode.FLIGHT, journey, flight.number) for flight in flights]
                ways.append(Transportation(Mode.TAXI, journey))
            allowed = [way for way in ways if way.mode is not self._trip.wishes.without]
            priced = [(way, journey_cost(self._database, way, day, self._trip.people)) for way in allowed]
            known = [(way, cost) for way, cost in priced if cost is not None]
            self._legs[key] = min(known, key=lambda leg: leg[1], default=None)
        return self._legs[key]

    @cached_property
    def _menu(self) -> Mapping[str, Sequence[Restaurant]]:
        """The restaurants of each city, the cheapest first."""
        found = self._database.restaurants_in
        return {city: sorted(found.get(city, ()), key=lambda row: row.price) for city in self._cities}

    @cached_property
    def _sums(self) -> Mapping[str, Sequence[int]]:
        """For each city what the cheapest 0, 1, 2, … meals cost."""
        people = self._trip.people
        return {
            city: [0, *accumulate(meal_cost(row, people) for row in rows)]
            for city, rows in self._menu.items()
        }

    def _covers(self, room: Mapping[str, int], wanted: Sequence[Cuisine], chosen: _Meals) -> Iterator[_Meals]:
        """Every choice of restaurants that serve the wanted cuisines, one for each that the others leave."""
        missing = [cuisine for cuisine in wanted if not any(cuisine in row.cuisines for row in chosen)]
        if not missing:
            yield chosen
            return
        for city, count in room.items():
            if sum(row.city == city for row in chosen) < count:
                for row in self._menu[city]:
                    if missing[0] in row.cuisines:
                        yield from self._covers(room, missing[1:], chosen | {row})

    def _filled(self, room: Mapping[str, int], cover: _Meals) -> _Meals:
        meals = set(cover)
        for city, count in room.items():
            others = [row for row in self._menu[city] if row not in cover]
            meals.update(others[: count - sum(row.city == city for row in cover)])
        return frozenset(meals)
