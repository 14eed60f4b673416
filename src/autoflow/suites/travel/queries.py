"""How a trip is asked for in words: a frame, and for each part of the trip one of several ways to say it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta

from autoflow.suites.travel.model import HouseRule, Mode
from autoflow.suites.travel.trips import RoomWish, Trip

_FRAMES = (
    "Please plan a trip of {days} days {route}, from {first} to {last}. {people} {budget} {wishes}",
    "{people} The trip begins on {first} and ends on {last}: {days} days {route}. {budget} {wishes}",
    "I need a plan for {days} days of travel {route}. The first day is {first}, the last {last}. "
    "{people} {wishes} {budget}",
    "{budget} With that, {days} days {route} are to be planned, from {first} to {last}. {people} {wishes}",
    "What would {days} days {route} look like? The dates are {first} to {last}. {people} {wishes} {budget}",
)

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven")

# strftime would follow the locale.
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)

_PEOPLE = (
    "{} of us travel together.",
    "The trip is for a party of {}.",
    "There will be {} of us.",
)
_ALONE = ("One person travels.", "The trip is for one person.", "It is for a single traveller.")

_BUDGETS = (
    "The budget is {} in all.",
    "No more than {} may be spent in total.",
    "All costs together must stay within {}.",
)

_ROOM_RULES = {
    HouseRule.PARTIES: ("Parties must be allowed where we sleep.", "We want to give a party in our rooms."),
    HouseRule.SMOKING: (
        "Smoking must be allowed where we sleep.",
        "We want to be free to smoke in our rooms.",
    ),
    HouseRule.CHILDREN: (
        "Children under 10 must be welcome where we sleep.",
        "A child of six comes along, so our rooms must take children under 10.",
    ),
    HouseRule.PETS: (
        "Pets must be allowed where we sleep.",
        "Our dog comes along, so our rooms must take pets.",
    ),
    HouseRule.VISITORS: (
        "Visitors must be allowed where we sleep.",
        "We expect visitors in our rooms, which must be allowed.",
    ),
}

_ROOM_TYPES = {
    RoomWish.ENTIRE_HOME: ("Every accommodation must be an entire home.", "We only sleep in entire homes."),
    RoomWish.PRIVATE_ROOM: ("Every accommodation must be a private room.", "We only sleep in private rooms."),
    RoomWish.SHARED_ROOM: ("Every accommodation must be a shared room.", "We only sleep in shared rooms."),
    RoomWish.NOT_SHARED: ("No accommodation may be a shared room.", "Shared rooms are not for us."),
}

_CUISINES = (
    "On the way we want to eat {} food at least once.",
    "Among the restaurants away from home there must be {} food.",
)

_WITHOUT = {
    Mode.FLIGHT: ("We do not fly.", "No flights, please."),
    Mode.SELF_DRIVING: ("We do not drive ourselves.", "No self-driving, please."),
}


def write_query(trip: Trip, rng: random.Random) -> str:
    """Asks for a trip in words that `rng` chooses; everything that a plan must keep to is said."""
    people = rng.choice(_ALONE if trip.people == 1 else _PEOPLE).format(_NUMBERS[trip.people])
    text = rng.choice(_FRAMES).format(
        days=_NUMBERS[trip.days],
        route=_route(trip, rng),
        first=_date(trip.first_day),
        last=_date(trip.first_day + timedelta(days=trip.days - 1)),
        people=people[0].upper() + people[1:],
        budget=rng.choice(_BUDGETS).format(f"${trip.budget:,}"),
        wishes=" ".join(_wishes(trip, rng)),
    )
    return " ".join(text.split())


def _route(trip: Trip, rng: random.Random) -> str:
    if trip.visits == 1:
        return f"from {trip.origin} to {trip.destination} and back"
    count = _NUMBERS[trip.visits]
    return rng.choice(
        (
            f"from {trip.origin} to {count} cities in the state of {trip.destination} and back",
            f"from {trip.origin} through {count} different cities of the state {trip.destination} and back",
        )
    )


def _date(day: date) -> str:
    return f"{_MONTHS[day.month - 1]} {day.day}, {day.year}"


def _wishes(trip: Trip, rng: random.Random) -> Iterator[str]:
    wishes = trip.wishes
    if wishes.room_rule:
        yield rng.choice(_ROOM_RULES[wishes.room_rule])
    if wishes.room_type:
        yield rng.choice(_ROOM_TYPES[wishes.room_type])
    if wishes.cuisines:
        yield rng.choice(_CUISINES).format(_listed(wishes.cuisines))
    if wishes.without:
        yield rng.choice(_WITHOUT[wishes.without])


def _listed(names: tuple[str, ...]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
