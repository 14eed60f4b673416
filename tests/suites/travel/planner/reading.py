"""Reads what a query of the suite asks for, from its words alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import TypeVar

from autoflow.suites.travel import Cuisine, HouseRule, Mode, RoomWish, Trip, Wishes

_Wish = TypeVar("_Wish")

_NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7}
_DATE = re.compile(r"[A-Z][a-z]+ \d{1,2}, \d{4}")
_ROUTE = re.compile(
    r"from (\w+) (?:to|through) (?:(\w+) (?:different )?cities (?:in|of) the state (?:of )?)?"
    r"([\w ]+?) and back"
)
_PEOPLE = re.compile(r"(\w+) of us travel|party of (\w+)\.|will be (\w+) of us")
_RULES = {
    HouseRule.PARTIES: r"\bpart(?:y in|ies)\b",
    HouseRule.SMOKING: r"\bsmok(?:e|ing)\b",
    HouseRule.CHILDREN: r"\bchildren\b",
    HouseRule.PETS: r"\bpets\b",
    HouseRule.VISITORS: r"\bvisitors\b",
}
_ROOMS = {
    RoomWish.ENTIRE_HOME: r"\bentire homes?\b",
    RoomWish.PRIVATE_ROOM: r"\bprivate rooms?\b",
    RoomWish.NOT_SHARED: r"No accommodation may be a shared room|Shared rooms are not",
    RoomWish.SHARED_ROOM: r"\bshared rooms?\b",
}
_WITHOUT = {
    Mode.FLIGHT: r"do not fly|No flights",
    Mode.SELF_DRIVING: r"do not drive|No self-driving",
}


def read_query(query: str) -> Trip:
    """The trip that a query asks for.

    Raises:
        ValueError: it is none of the suite's.
    """
    route, budget = _ROUTE.search(query), re.search(r"\$([\d,]+)", query)
    first, last = (_day(text) for text in _DATE.findall(query))
    if route is None or budget is None:
        raise ValueError(f"not a query of the suite: {query[:80]!r}")
    origin, visits, destination = route.groups()
    people = _PEOPLE.search(query)
    return Trip(
        origin,
        destination,
        _NUMBERS[visits] if visits else 1,
        first,
        (last - first).days + 1,
        _NUMBERS[next(filter(None, people.groups())).lower()] if people else 1,
        int(budget[1].replace(",", "")),
        Wishes(
            room_rule=_first(_RULES, query),
            room_type=_first(_ROOMS, query),
            cuisines=tuple(cuisine for cuisine in Cuisine if cuisine in query),
            without=_first(_WITHOUT, query),
        ),
    )


def _day(text: str) -> date:
    return datetime.strptime(text, "%B %d, %Y").date()


def _first(patterns: Mapping[_Wish, str], query: str) -> _Wish | None:
    """The first of which the words are there; more telling ones stand before others."""
    return next(
        (wish for wish, pattern in patterns.items() if re.search(pattern, query, re.IGNORECASE)), None
    )
