"""What is known of the invented country in which trips are planned: plain rows in tables, found by key.

Distances are kilometres, prices whole dollars, times local (there is one time zone). A table is a tuple of
rows in a fixed order; a `Database` is immutable and named by its content.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import date
from enum import StrEnum
from functools import cached_property
from typing import TypeVar

from autoflow.suites.model import digest_of

_Row = TypeVar("_Row")
_Key = TypeVar("_Key")


class RoomType(StrEnum):
    """What of an accommodation is the guests' own."""

    ENTIRE_HOME = "entire home"
    PRIVATE_ROOM = "private room"
    SHARED_ROOM = "shared room"


class HouseRule(StrEnum):
    """What an accommodation may forbid."""

    PARTIES = "parties"
    SMOKING = "smoking"
    CHILDREN = "children under 10"
    PETS = "pets"
    VISITORS = "visitors"


class Cuisine(StrEnum):
    """What a restaurant may serve."""

    AMERICAN = "American"
    CHINESE = "Chinese"
    FRENCH = "French"
    GREEK = "Greek"
    INDIAN = "Indian"
    ITALIAN = "Italian"
    MEXICAN = "Mexican"
    THAI = "Thai"


class Mode(StrEnum):
    """A way to get from one city to another."""

    FLIGHT = "Flight"
    SELF_DRIVING = "Self-driving"
    TAXI = "Taxi"


@dataclass(frozen=True, slots=True)
class City:
    """A city; its name is no other city's or state's."""

    name: str
    state: str
    region: str
    """An island: no road and no flight leads from one to another."""


@dataclass(frozen=True, slots=True)
class Road:
    """How far two cities of a region are apart; the same in both directions."""

    ends: tuple[str, str]
    """In alphabetical order."""
    distance: int
    minutes: int
    self_driving: int
    """Dollars for one car, of up to five people."""
    taxi: int | None
    """Dollars for one taxi, of up to four people; None where it is too far."""


@dataclass(frozen=True, slots=True)
class Flight:
    """A flight on one day; it lands on the day on which it starts."""

    number: str
    """Unique among the flights of a day."""
    origin: str
    destination: str
    day: date
    departure: str
    """Such as `07:35`."""
    arrival: str
    price: int
    """Dollars for one person."""


@dataclass(frozen=True, slots=True)
class Accommodation:
    """Somewhere to sleep."""

    name: str
    city: str
    room_type: RoomType
    price: int
    """Dollars a night, for one room."""
    minimum_nights: int
    """Fewer nights in a row are not let."""
    maximum_occupancy: int
    """People in one room; larger parties take several."""
    forbids: tuple[HouseRule, ...]


@dataclass(frozen=True, slots=True)
class Restaurant:
    """Somewhere to eat."""

    name: str
    city: str
    cuisines: tuple[Cuisine, ...]
    price: int
    """Dollars a meal, for one person."""


@dataclass(frozen=True, slots=True)
class Attraction:
    """Something to see; nothing is charged for it."""

    name: str
    city: str
    kind: str


@dataclass(frozen=True)
class Database:
    """All tables; rows of one city stand together in the order in which they are searched."""

    cities: tuple[City, ...]
    roads: tuple[Road, ...]
    flights: tuple[Flight, ...]
    accommodations: tuple[Accommodation, ...]
    restaurants: tuple[Restaurant, ...]
    attractions: tuple[Attraction, ...]
    first_day: date
    """The first day of which flights are known."""
    last_day: date

    @cached_property
    def digest(self) -> str:
        """`sha256:<hex>` of every row."""
        return digest_of([_plain(getattr(self, field.name)) for field in fields(self)])

    @cached_property
    def city(self) -> Mapping[str, City]:
        """Cities by name."""
        return {city.name: city for city in self.cities}

    @cached_property
    def states(self) -> Mapping[str, tuple[City, ...]]:
        """The cities of each state."""
        return _grouped(self.cities, lambda city: city.state)

    @cached_property
    def accommodations_in(self) -> Mapping[str, tuple[Accommodation, ...]]:
        """By the name of the city."""
        return _grouped(self.accommodations, lambda row: row.city)

    @cached_property
    def restaurants_in(self) -> Mapping[str, tuple[Restaurant, ...]]:
        """By the name of the city."""
        return _grouped(self.restaurants, lambda row: row.city)

    @cached_property
    def attractions_in(self) -> Mapping[str, tuple[Attraction, ...]]:
        """By the name of the city."""
        return _grouped(self.attractions, lambda row: row.city)

    @cached_property
    def accommodation(self) -> Mapping[tuple[str, str], Accommodation]:
        """By name and city."""
        return {(row.name, row.city): row for row in self.accommodations}

    @cached_property
    def restaurant(self) -> Mapping[tuple[str, str], Restaurant]:
        """By name and city."""
        return {(row.name, row.city): row for row in self.restaurants}

    @cached_property
    def attraction(self) -> Mapping[tuple[str, str], Attraction]:
        """By name and city."""
        return {(row.name, row.city): row for row in self.attractions}

    def cities_of(self, destination: str) -> tuple[str, ...]:
        """The cities of a state; of a city itself; of any other name none."""
        if destination in self.city:
            return (destination,)
        return tuple(city.name for city in self.states.get(destination, ()))

    def road(self, origin: str, destination: str) -> Road | None:
        """The road between two cities; None where there is none."""
        return self._roads.get((min(origin, destination), max(origin, destination)))

    def flights_on(self, origin: str, destination: str, day: date) -> tuple[Flight, ...]:
        """The flights from one city to another on a day, by departure."""
        return self._flights.get((origin, destination, day), ())

    @cached_property
    def _roads(self) -> Mapping[tuple[str, str], Road]:
        return {road.ends: road for road in self.roads}

    @cached_property
    def _flights(self) -> Mapping[tuple[str, str, date], tuple[Flight, ...]]:
        return _grouped(self.flights, lambda row: (row.origin, row.destination, row.day))


def _plain(value: object) -> object:
    """A value of a row as JSON can say it."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    if is_dataclass(value):
        return [_plain(getattr(value, field.name)) for field in fields(value)]
    return value


def _grouped(rows: Iterable[_Row], key: Callable[[_Row], _Key]) -> Mapping[_Key, tuple[_Row, ...]]:
    groups: defaultdict[_Key, list[_Row]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return {name: tuple(group) for name, group in groups.items()}
