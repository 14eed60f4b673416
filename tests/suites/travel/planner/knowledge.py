"""What a planner knows: the results of the tools that it called, and guesses for what it did not look up.

A guess says that a journey can be made for little and that a city has things to see, so that whoever trusts
it looks there, and then knows better.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import combinations, permutations

from autoflow.suites.travel import Accommodation, Cuisine, Database, HouseRule, Mode, RoomType, Trip
from autoflow.suites.travel.model import Attraction, City, Flight, Restaurant, Road

GUESS = 180
"""Dollars for a journey that was not looked up, whatever the way."""
_SIGHTS = 7


@dataclass(frozen=True, slots=True)
class Observation:
    """What a tool brought."""

    tool: str
    arguments: dict[str, str]
    text: str
    """CSV."""

    @property
    def rows(self) -> list[dict[str, str]]:
        """By the names of the columns."""
        return list(csv.DictReader(io.StringIO(self.text)))


class Knowledge:
    """What observations say about a trip.

    Args:
        trip: what is asked for.
        seen: the observations, in any order.
    """

    def __init__(self, trip: Trip, seen: Sequence[Observation]) -> None:
        self._trip = trip
        self._seen = {(one.tool, *one.arguments.values()): one for one in seen}

    def has(self, tool: str, *arguments: str) -> bool:
        """Whether that was looked up."""
        return (tool, *arguments) in self._seen

    @property
    def cities(self) -> list[str]:
        """Those of the destination."""
        if self._trip.visits == 1:
            return [self._trip.destination]
        return [row["city"] for row in self._rows("city_search", self._trip.destination)]

    def searched(self, origin: str, destination: str, day: str) -> bool:
        """Whether all is known of a journey on a day."""
        flies = self._trip.wishes.without is not Mode.FLIGHT
        return self._road(origin, destination) is not None and (
            not flies or self.has("flight_search", origin, destination, day)
        )

    def database(self) -> Database:
        """Everything that is known or guessed."""
        home = City(self._trip.origin, "where the trip begins", "")
        cities = [City(name, self._trip.destination, "") for name in self.cities]
        if self._trip.visits == 1:
            cities = [City(self._trip.destination, "where the trip leads", "")]
        names = [home.name, *(city.name for city in cities)]
        return Database(
            cities=(home, *cities),
            roads=tuple(self._roads(names)),
            flights=tuple(self._flights(names)),
            accommodations=tuple(row for city in self.cities for row in self._accommodations(city)),
            restaurants=tuple(row for city in self.cities for row in self._restaurants(city)),
            attractions=tuple(row for city in self.cities for row in self._attractions(city)),
            first_day=self._trip.first_day,
            last_day=self._trip.day(self._trip.days),
        )

    def _rows(self, tool: str, *arguments: str) -> list[dict[str, str]]:
        found = self._seen.get((tool, *arguments))
        return found.rows if found else []

    def _road(self, one: str, other: str) -> Observation | None:
        return self._seen.get(("distance", one, other)) or self._seen.get(("distance", other, one))

    def _roads(self, names: Sequence[str]) -> Iterator[Road]:
        for one, other in combinations(sorted(names), 2):
            found = self._road(one, other)
            if found is None:
                yield Road((one, other), 0, 0, GUESS, GUESS)
            elif rows := {row["mode"]: row for row in found.rows}:
                drive = rows[Mode.SELF_DRIVING]
                taxi = int(rows[Mode.TAXI]["price"]) if Mode.TAXI in rows else None
                yield Road(
                    (one, other), int(drive["distance_km"]), int(drive["minutes"]), int(drive["price"]), taxi
                )

    def _flights(self, names: Sequence[str]) -> Iterator[Flight]:
        if self._trip.wishes.without is Mode.FLIGHT:
            return
        for origin, destination in permutations(names, 2):
            for offset in range(self._trip.days):
                day = self._trip.first_day + timedelta(days=offset)
                if not self.has("flight_search", origin, destination, day.isoformat()):
                    price = GUESS // self._trip.people
                    yield Flight("unknown", origin, destination, day, "", "", price)
                for row in self._rows("flight_search", origin, destination, day.isoformat()):
                    times = row["departure"], row["arrival"]
                    yield Flight(row["flight"], origin, destination, day, *times, int(row["price"]))

    def _accommodations(self, city: str) -> Iterator[Accommodation]:
        for row in self._rows("accommodation_search", city):
            yield Accommodation(
                row["name"],
                city,
                RoomType(row["room_type"]),
                int(row["price"]),
                int(row["minimum_nights"]),
                int(row["maximum_occupancy"]),
                tuple(rule for rule in HouseRule if f"no {rule}" in row["house_rules"].split("; ")),
            )

    def _restaurants(self, city: str) -> Iterator[Restaurant]:
        for row in self._rows("restaurant_search", city):
            served = tuple(Cuisine(name) for name in row["cuisines"].split("; "))
            yield Restaurant(row["name"], city, served, int(row["price"]))

    def _attractions(self, city: str) -> Iterator[Attraction]:
        if not self.has("attraction_search", city):
            yield from (Attraction(f"something to see {number}", city, "") for number in range(_SIGHTS))
        for row in self._rows("attraction_search", city):
            yield Attraction(row["name"], city, row["kind"])
