"""Makes the database: the same rows on every machine, for nothing but integers and seeded draws decides them.

Distances follow from invented coordinates, prices from distances, room types and luck. Each state has cities
without an airport; flights do not go every day.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import combinations, permutations
from math import isqrt
from typing import TypeAlias

from autoflow.suites.travel import names
from autoflow.suites.travel.model import (
    Accommodation,
    Attraction,
    City,
    Cuisine,
    Database,
    Flight,
    HouseRule,
    Restaurant,
    Road,
    RoomType,
)

FIRST_DAY = date(2027, 5, 1)
LAST_DAY = date(2027, 5, 31)

CITIES = 5
"""Cities of a state."""
AIRPORTS = 3
"""Cities of a state that have an airport."""
ACCOMMODATIONS = 8
RESTAURANTS = 12
ATTRACTIONS = 7

_VERSION = 1
"""Whoever changes what is generated raises it."""
_TAXI_REACH = 400
_SPEED = 85
"""Kilometres an hour on the road."""
_FLIGHT_SPEED = 600

_ROOM_PRICES = {RoomType.ENTIRE_HOME: 110, RoomType.PRIVATE_ROOM: 65, RoomType.SHARED_ROOM: 25}
_OCCUPANCY = {RoomType.ENTIRE_HOME: (2, 6), RoomType.PRIVATE_ROOM: (1, 3), RoomType.SHARED_ROOM: (1, 4)}
_MINIMUM_NIGHTS = (1, 1, 1, 1, 2, 2, 2, 3, 3, 4)
_CUISINE_COUNTS = (1, 1, 2, 2, 2, 3)
_FLIGHT_COUNTS = (0, 1, 1, 1, 2)

_Point: TypeAlias = tuple[int, int]


def travel_database() -> Database:
    """The database of the suite `travel`; some 20,000 rows, most of them flights."""
    rng = _rng("country")
    towns = [start + end for start in names.CITY_STARTS for end in names.CITY_ENDS]
    rng.shuffle(towns)
    points = dict(_placed(towns, rng))
    cities = tuple(points)
    return Database(
        cities=cities,
        roads=tuple(_roads(points)),
        flights=tuple(_flights(points)),
        accommodations=tuple(_accommodations(cities)),
        restaurants=tuple(_restaurants(cities)),
        attractions=tuple(_attractions(cities)),
        first_day=FIRST_DAY,
        last_day=LAST_DAY,
    )


def _rng(subject: str) -> random.Random:
    return random.Random(f"travel {_VERSION} {subject}")


def _placed(towns: list[str], rng: random.Random) -> Iterator[tuple[City, _Point]]:
    """Every state in a square of its own, two squares to a row, its cities anywhere in it."""
    for region, states in names.REGIONS.items():
        for place, state in enumerate(states):
            row, column = divmod(place, 2)
            for name in sorted(towns.pop() for _ in range(CITIES)):
                at = (column * 330 + rng.randrange(240), row * 290 + rng.randrange(220))
                yield City(name, state, region), at


def _roads(points: dict[City, _Point]) -> Iterator[Road]:
    for one, other in combinations(sorted(points, key=lambda city: city.name), 2):
        if one.region == other.region:
            distance = _distance(points[one], points[other]) * 6 // 5
            taxi = 15 + distance if distance <= _TAXI_REACH else None
            minutes = distance * 60 // _SPEED + 10
            yield Road((one.name, other.name), distance, minutes, 50 + distance * 7 // 10, taxi)


def _distance(one: _Point, other: _Point) -> int:
    return max(12, isqrt((one[0] - other[0]) ** 2 + (one[1] - other[1]) ** 2))


def _flights(points: dict[City, _Point]) -> Iterator[Flight]:
    airports = [city for index, city in enumerate(points) if index % CITIES < AIRPORTS]
    number = 1000
    for origin, destination in permutations(airports, 2):
        distance = _distance(points[origin], points[destination])
        if origin.region != destination.region or distance < 150:
            continue
        rng = _rng(f"flights {origin.name} {destination.name}")
        for offset in range((LAST_DAY - FIRST_DAY).days + 1):
            departures = sorted(rng.sample(range(72, 228), rng.choice(_FLIGHT_COUNTS)))
            for line, departure in enumerate(departures):
                start, length = departure * 5, 40 + distance * 60 // _FLIGHT_SPEED
                yield Flight(
                    f"F{number + line}",
                    origin.name,
                    destination.name,
                    FIRST_DAY + timedelta(days=offset),
                    _clock(start),
                    _clock(start + length),
                    30 + distance * rng.randrange(10, 24) // 100,
                )
        number += 2


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _accommodations(cities: Sequence[City]) -> Iterator[Accommodation]:
    for city in cities:
        rng = _rng(f"accommodations {city.name}")
        for name, kind in _room_names(rng):
            price = _ROOM_PRICES[kind] + rng.randrange(_ROOM_PRICES[kind] * 3 // 2)
            rules = rng.sample(list(HouseRule), rng.choice((0, 1, 1, 2, 3)))
            yield Accommodation(
                name,
                city.name,
                kind,
                price,
                rng.choice(_MINIMUM_NIGHTS),
                rng.randint(*_OCCUPANCY[kind]),
                tuple(rule for rule in HouseRule if rule in rules),
            )


def _room_names(rng: random.Random) -> Iterator[tuple[str, RoomType]]:
    kinds = [*RoomType, *RoomType, RoomType.ENTIRE_HOME, RoomType.PRIVATE_ROOM]
    rng.shuffle(kinds)
    adjectives = rng.sample(names.ADJECTIVES, ACCOMMODATIONS)
    places = rng.sample(names.PLACES, ACCOMMODATIONS)
    for kind, adjective, place in zip(kinds, adjectives, places, strict=True):
        yield f"{adjective} {rng.choice(names.ROOMS[kind])} {place}", kind


def _restaurants(cities: Sequence[City]) -> Iterator[Restaurant]:
    boards = [f"The {adjective} {thing}" for adjective in names.ADJECTIVES for thing in names.TABLES]
    _rng("restaurants").shuffle(boards)
    for city in cities:
        rng = _rng(f"restaurants {city.name}")
        for _ in range(RESTAURANTS):
            served = rng.sample(list(Cuisine), rng.choice(_CUISINE_COUNTS))
            cuisines = tuple(cuisine for cuisine in Cuisine if cuisine in served)
            yield Restaurant(boards.pop(), city.name, cuisines, rng.randrange(9, 58))


def _attractions(cities: Sequence[City]) -> Iterator[Attraction]:
    for city in cities:
        rng = _rng(f"attractions {city.name}")
        for kind in rng.sample(list(names.SIGHTS), ATTRACTIONS):
            form, themes = names.SIGHTS[kind]
            yield Attraction(form.format(rng.choice(themes)), city.name, kind)
