"""What a planner is told beside its query: the form of an answer, and the rules that no query repeats."""

from __future__ import annotations

from autoflow.suites.travel.answers import FIELDS
from autoflow.suites.travel.costs import PER_CAR, PER_TAXI

_RULES = (
    "Name only cities, flights, accommodations, restaurants and attractions that the tools find.",
    "Plan every day of the trip. A day in one city needs breakfast, lunch, dinner, an attraction and an "
    "accommodation. A day of travel needs its transportation and, unless it is the last day, dinner and an "
    "accommodation.",
    "Meals and attractions must be in a city of their day, the accommodation in the city where the day ends.",
    "Leave the origin on the first day, come back to it on the last day, and spend the nights in as many "
    "other cities as the query asks for, without coming back to any of them.",
    "Visit no restaurant and no attraction twice.",
    "Drive yourself on every journey or on none.",
    "Stay in an accommodation at least as many nights in a row as its minimum.",
    "All costs count: flights and meals for each person, a car for up to "
    f"{PER_CAR} people, a taxi for up to {PER_TAXI}, and each night as many rooms as the people need.",
)


def answer_guide() -> str:
    """The form and the rules, in words for a model; they are the same for every task."""
    fields = "\n".join(f"- {name}: {text}" for name, text in FIELDS.items())
    rules = "\n".join(f"- {rule}" for rule in _RULES)
    return (
        'Answer with JSON and nothing else: {"days": [...]}, one object for each day, in order. '
        f"Its fields are:\n- day: The number of the day, from 1.\n{fields}\n"
        f"The rules of a plan are:\n{rules}\n"
    )
