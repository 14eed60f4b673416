"""The six tools: what they find, and what they say to wrong arguments."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoflow.errors import InvalidArgument
from autoflow.suites.travel import (
    TRAVEL_TOOLS,
    BadDate,
    TravelTool,
    UnknownPlace,
    WrongArguments,
    travel_database,
)

DATABASE = travel_database()
TOOLS = {tool.name: tool for tool in TRAVEL_TOOLS}

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=120),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=8), inner, max_size=2),
    max_leaves=4,
)
_PLACES = st.sampled_from([*DATABASE.city, *DATABASE.states, "Nowhere"]) | _JSON
_ARGUMENTS = st.dictionaries(
    st.sampled_from(["state", "city", "origin", "destination", "date", "more"]),
    _PLACES | st.dates().map(str),
    max_size=4,
)


def call(name: str, **arguments: object) -> str:
    return TOOLS[name].call(DATABASE, arguments)


def outcome(tool: TravelTool, arguments: dict[str, object]) -> str | InvalidArgument:
    try:
        return tool.call(DATABASE, arguments)
    except InvalidArgument as error:
        return error


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_database_is_the_same_everywhere() -> None:
    assert DATABASE.digest == travel_database().digest
    assert DATABASE.digest == "sha256:8bf6930f282ecdac3f96d2612638184ea5123af7f4d207abb95f9614452685c9"


def test_names_are_unique_and_hold_none_of_the_marks_of_an_answer() -> None:
    places = [*DATABASE.city, *DATABASE.states]
    named = [*DATABASE.accommodation, *DATABASE.restaurant, *DATABASE.attraction]
    assert len(set(places)) == len(places)
    assert (
        len(set(named))
        == len(named)
        == sum(map(len, (DATABASE.accommodations, DATABASE.restaurants, DATABASE.attractions)))
    )
    for name in [*places, *(name for name, _ in named)]:
        assert not set(name) & set(',;"')
        assert " to " not in name
        assert name == name.strip()


def test_flights_are_told_apart_by_number_and_day() -> None:
    assert len({(row.number, row.day) for row in DATABASE.flights}) == len(DATABASE.flights)
    assert all(row.departure < row.arrival for row in DATABASE.flights)
    assert all(
        DATABASE.city[row.origin].region == DATABASE.city[row.destination].region for row in DATABASE.flights
    )


def test_each_tool_finds_the_rows_of_its_table() -> None:
    flight = DATABASE.flights[0]
    city = flight.origin
    state = DATABASE.city[city].state
    assert {"city": city} in rows(call("city_search", state=state))
    found = rows(
        call("flight_search", origin=city, destination=flight.destination, date=flight.day.isoformat())
    )
    expected = {"flight": flight.number, "departure": flight.departure, "arrival": flight.arrival}
    assert found[0] == {**expected, "price": str(flight.price)}
    road = DATABASE.road(city, flight.destination)
    assert road is not None
    assert rows(call("distance", origin=city, destination=flight.destination))[0] == {
        "mode": "Self-driving",
        "distance_km": str(road.distance),
        "minutes": str(road.minutes),
        "price": str(road.self_driving),
    }
    for name, table in (
        ("accommodation_search", DATABASE.accommodations_in),
        ("restaurant_search", DATABASE.restaurants_in),
        ("attraction_search", DATABASE.attractions_in),
    ):
        assert [row["name"] for row in rows(call(name, city=city))] == [row.name for row in table[city]]


def test_between_regions_there_is_neither_road_nor_flight() -> None:
    cities = [
        next(city for city in DATABASE.cities if city.region == region)
        for region in ("Norrland Isle", "Midway Isle")
    ]
    one, other = (city.name for city in cities)
    day = DATABASE.first_day.isoformat()
    assert rows(call("distance", origin=one, destination=other)) == []
    assert (
        call("flight_search", origin=one, destination=other, date=day) == "flight,departure,arrival,price\n"
    )


@pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS)
def test_what_a_schema_refuses_is_refused_by_the_function_too(tool: TravelTool) -> None:
    jsonschema.Draft202012Validator.check_schema(tool.schema)
    validator = jsonschema.Draft202012Validator(
        tool.schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )

    places = dict.fromkeys(tool.arguments, _PLACES)
    if "date" in places:
        places["date"] = st.dates(DATABASE.first_day - timedelta(days=3), DATABASE.last_day).map(str) | _JSON

    @given(st.fixed_dictionaries(places) | _ARGUMENTS)
    def agrees(arguments: dict[str, object]) -> None:
        answer = outcome(tool, arguments)
        if isinstance(answer, str):
            assert validator.is_valid(arguments)
            assert answer.endswith("\n")
            assert len(answer) < 2000
        else:
            badly_formed = isinstance(answer, WrongArguments) and "same city" not in answer.message
            badly_written = isinstance(answer, BadDate) and "is no date" in answer.message
            assert not (badly_formed or badly_written) or not validator.is_valid(arguments)
            assert len(answer.message) < 400

    agrees()


def test_a_name_in_other_case_is_understood() -> None:
    city = DATABASE.cities[0].name
    assert call("restaurant_search", city=f" {city.upper()}") == call("restaurant_search", city=city)


def test_an_unknown_place_is_answered_with_what_may_be_meant() -> None:
    city = DATABASE.cities[0]
    with pytest.raises(UnknownPlace, match=rf"similar names: .*{city.name}") as unknown:
        call("attraction_search", city=city.name[:-1])
    assert unknown.value.field == "city"
    with pytest.raises(UnknownPlace, match="is a state; city_search lists its cities"):
        call("attraction_search", city=city.state)
    with pytest.raises(UnknownPlace, match=f"is a city, in the state {city.state}"):
        call("city_search", state=city.name)
    with pytest.raises(UnknownPlace, match="no name is similar"):
        call("city_search", state="Zzz")


@pytest.mark.parametrize("day", ["2027-13-01", "1 May", "20270501", "2027-5-1", "2027-W18-6"])
def test_a_date_that_is_none_is_told_how_to_be_written(day: str) -> None:
    one, other = (city.name for city in DATABASE.cities[:2])
    with pytest.raises(BadDate, match="YYYY-MM-DD; flights are known from 2027-05-01 to 2027-05-31"):
        call("flight_search", origin=one, destination=other, date=day)


def test_a_date_out_of_the_calendar_is_told_the_calendar() -> None:
    one, other = (city.name for city in DATABASE.cities[:2])
    late = DATABASE.last_day + timedelta(days=1)
    with pytest.raises(BadDate, match="no flights are known; flights are known from"):
        call("flight_search", origin=one, destination=other, date=late.isoformat())


def test_wrong_arguments_are_told_which_are_right() -> None:
    with pytest.raises(
        WrongArguments, match="'destination' is missing; distance takes exactly: origin, destination"
    ):
        call("distance", origin="Nowhere")
    with pytest.raises(WrongArguments, match="no argument 'town'; city_search takes exactly: state"):
        call("city_search", state="x", town="y")
    with pytest.raises(WrongArguments, match="state must be a string"):
        call("city_search", state=3)
    city = DATABASE.cities[0].name
    with pytest.raises(WrongArguments, match="the same city"):
        call("distance", origin=city, destination=city)
