"""The six tools with which a trip is planned: pure functions of the database and of JSON arguments.

A result is CSV text, in a fixed order, header first; where nothing is found, the header is all. Arguments
that are wrong raise an error whose words tell a model what to write instead. The functions refuse all that
the schemas do, so neither needs the other.

Left out: filters and paging; no result has more than 12 rows.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches

from autoflow.errors import InvalidArgument
from autoflow.suites.model import ContentType, Tool
from autoflow.suites.travel.costs import PER_CAR, PER_TAXI
from autoflow.suites.travel.model import Database, HouseRule, Mode

MAX_NAME = 100
"""Characters of an argument."""
_SUGGESTIONS = 3


class WrongArguments(InvalidArgument):
    """Arguments are missing, unknown or of another type than the schema's."""


class UnknownPlace(InvalidArgument):
    """No city, or no state, has that name."""


class BadDate(InvalidArgument):
    """Not a day of the calendar, or one of which no flights are known."""


@dataclass(frozen=True, slots=True)
class TravelTool:
    """A tool that a model may call."""

    name: str
    description: str
    arguments: Mapping[str, str]
    """The name of each argument, and what it says; all are strings, and required."""
    search: Callable[[Database, Mapping[str, str]], str]
    """What is found for checked arguments, as CSV text."""
    idempotent: bool = True
    """Whether calling again with equal arguments is harmless; every tool here only reads."""

    @property
    def schema(self) -> dict[str, object]:
        """JSON Schema (draft 2020-12) of its arguments."""
        properties: dict[str, dict[str, object]] = {
            name: {"type": "string", "description": text, "minLength": 1, "maxLength": MAX_NAME}
            for name, text in self.arguments.items()
        }
        if "date" in properties:
            properties["date"] |= {"format": "date", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }

    @property
    def tool(self) -> Tool:
        """As registries and models know it: it takes one text, its arguments in JSON, and gives one."""
        text = ContentType.TEXT
        return Tool(self.name, self.description, (text,), text, json.dumps(self.schema), self.idempotent)

    def call(self, database: Database, arguments: Mapping[str, object]) -> str:
        """What the tool finds, as CSV text.

        Args:
            database: where it searches.
            arguments: a JSON object, parsed.

        Raises:
            WrongArguments: they do not fit the schema.
            UnknownPlace: no city or state is named so.
            BadDate: the date is none, or out of the calendar.
        """
        return self.search(database, self._checked(arguments))

    def _checked(self, arguments: Mapping[str, object]) -> Mapping[str, str]:
        wanted = f"{self.name} takes exactly: {', '.join(self.arguments)}"
        for name in self.arguments:
            if name not in arguments:
                raise WrongArguments(name, f"the argument {name!r} is missing; {wanted}")
        checked = {}
        for name, value in arguments.items():
            if name not in self.arguments:
                short = name[:MAX_NAME]
                raise WrongArguments(short, f"there is no argument {short!r}; {wanted}")
            if not isinstance(value, str) or not 1 <= len(value) <= MAX_NAME:
                raise WrongArguments(name, f"{name} must be a string of 1 to {MAX_NAME} characters")
            checked[name] = value
        return checked


def _house_rules(forbids: Iterable[HouseRule]) -> str:
    """What is forbidden, as a tool's result says it."""
    return "; ".join(f"no {rule}" for rule in forbids)


def _cities(database: Database, arguments: Mapping[str, str]) -> str:
    given = arguments["state"]
    state = _named(given, database.states)
    if state is None:
        city = _named(given, database.city)
        hint = (
            f"{city} is a city, in the state {database.city[city].state}"
            if city
            else _similar(given, database.states)
        )
        raise UnknownPlace("state", f"no state is named {given!r}; {hint}")
    return _csv(("city",), ((city.name,) for city in database.states[state]))


def _flights(database: Database, arguments: Mapping[str, str]) -> str:
    ends = _two_cities(database, arguments)
    flights = database.flights_on(*ends, _day(database, arguments["date"]))
    rows = ((row.number, row.departure, row.arrival, row.price) for row in flights)
    return _csv(("flight", "departure", "arrival", "price"), rows)


def _distance(database: Database, arguments: Mapping[str, str]) -> str:
    road = database.road(*_two_cities(database, arguments))
    rows: list[tuple[object, ...]] = []
    if road:
        rows.append((Mode.SELF_DRIVING, road.distance, road.minutes, road.self_driving))
    if road and road.taxi is not None:
        rows.append((Mode.TAXI, road.distance, road.minutes, road.taxi))
    return _csv(("mode", "distance_km", "minutes", "price"), rows)


def _accommodations(database: Database, arguments: Mapping[str, str]) -> str:
    header = ("name", "room_type", "price", "minimum_nights", "maximum_occupancy", "house_rules")
    found = database.accommodations_in[_city(database, "city", arguments)]
    rows = (
        (
            row.name,
            row.room_type,
            row.price,
            row.minimum_nights,
            row.maximum_occupancy,
            _house_rules(row.forbids),
        )
        for row in found
    )
    return _csv(header, rows)


def _restaurants(database: Database, arguments: Mapping[str, str]) -> str:
    found = database.restaurants_in[_city(database, "city", arguments)]
    return _csv(
        ("name", "cuisines", "price"), ((row.name, "; ".join(row.cuisines), row.price) for row in found)
    )


def _attractions(database: Database, arguments: Mapping[str, str]) -> str:
    found = database.attractions_in[_city(database, "city", arguments)]
    return _csv(("name", "kind"), ((row.name, row.kind) for row in found))


def _two_cities(database: Database, arguments: Mapping[str, str]) -> tuple[str, str]:
    origin = _city(database, "origin", arguments)
    destination = _city(database, "destination", arguments)
    if origin == destination:
        raise WrongArguments("destination", f"origin and destination are the same city, {origin}")
    return origin, destination


def _city(database: Database, argument: str, arguments: Mapping[str, str]) -> str:
    given = arguments[argument]
    city = _named(given, database.city)
    if city is None:
        state = _named(given, database.states)
        hint = (
            f"{state} is a state; city_search lists its cities" if state else _similar(given, database.city)
        )
        raise UnknownPlace(argument, f"no city is named {given!r}; {hint}")
    return city


def _named(given: str, names: Iterable[str]) -> str | None:
    """A name as the database spells it; case and outer space do not matter."""
    plain = given.strip().casefold()
    return next((name for name in names if name.casefold() == plain), None)


def _similar(given: str, names: Iterable[str]) -> str:
    spellings = {name.casefold(): name for name in names}
    close = get_close_matches(given.casefold(), spellings, n=_SUGGESTIONS, cutoff=0.7)
    return (
        f"similar names: {', '.join(spellings[name] for name in close)}"
        if close
        else "no name is similar to it"
    )


def _day(database: Database, given: str) -> date:
    known = f"flights are known from {database.first_day} to {database.last_day}"
    try:
        day = date.fromisoformat(given)
    except ValueError:
        day = None
    if day is None or day.isoformat() != given:
        raise BadDate("date", f"{given!r} is no date in the form YYYY-MM-DD; {known}")
    if not database.first_day <= day <= database.last_day:
        raise BadDate("date", f"of {given} no flights are known; {known}")
    return day


def _csv(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


TRAVEL_TOOLS = (
    TravelTool(
        "city_search",
        "Lists the cities of a state. Columns: city.",
        {"state": "The name of a state."},
        _cities,
    ),
    TravelTool(
        "flight_search",
        "Lists the flights between two cities on one day, with the price in dollars for one person. "
        "Columns: flight, departure, arrival, price.",
        {
            "origin": "The name of the city of departure.",
            "destination": "The name of the city of arrival.",
            "date": "The day, written YYYY-MM-DD.",
        },
        _flights,
    ),
    TravelTool(
        "distance",
        "Tells how far two cities are apart by road, how long it takes, and what it costs in dollars: "
        f"self-driving for one car of up to {PER_CAR} people, a taxi for up to {PER_TAXI} people. "
        "Columns: mode, distance_km, minutes, price.",
        {"origin": "The name of a city.", "destination": "The name of another city."},
        _distance,
    ),
    TravelTool(
        "accommodation_search",
        "Lists the accommodations of a city, with the price in dollars of one room for one night, "
        "the fewest nights in a row that are let, and how many people a room takes at most. "
        "Columns: name, room_type, price, minimum_nights, maximum_occupancy, house_rules.",
        {"city": "The name of a city."},
        _accommodations,
    ),
    TravelTool(
        "restaurant_search",
        "Lists the restaurants of a city, with the price in dollars of a meal for one person. "
        "Columns: name, cuisines, price.",
        {"city": "The name of a city."},
        _restaurants,
    ),
    TravelTool(
        "attraction_search",
        "Lists the attractions of a city; none charges anything. Columns: name, kind.",
        {"city": "The name of a city."},
        _attractions,
    ),
)
"""The six tools, in the order in which a planner needs them."""
