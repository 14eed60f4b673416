"""Carries out `travel.flow` as a model would: each step from the query, earlier answers and tools' results.

It knows nothing else of the country. What it does at a step is what the step's instruction says; the route
that it chose is in its own earlier answers, and read from there.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TypeAlias

from autoflow.language import Workflow
from autoflow.suites.travel import Mode, Plan, cheapest_plan, plan_cost, write_answer
from autoflow.suites.travel.solver import Route
from tests.suites.travel.planner.knowledge import Knowledge, Observation
from tests.suites.travel.planner.reading import read_query

_STAY = re.compile(r"(\w+) \((\d)\)")
_TAKEN = re.compile(r"Journey: (\w+) to (\w+) on (\S+)\.")
_CALL = re.compile(r"Call: (\w+) (\{.*\})$")

_Journey: TypeAlias = tuple[str, str, str]
"""From where, to where and on which date."""


@dataclass(frozen=True, slots=True)
class Call:
    """A tool that is to be called."""

    tool: str
    arguments: Mapping[str, str]

    @classmethod
    def said_in(cls, answer: str) -> Call | None:
        """The call that an answer names; None where it names none."""
        found = _CALL.search(answer)
        return cls(found[1], json.loads(found[2])) if found else None


@dataclass(frozen=True, slots=True)
class Reply:
    """What is done at a step."""

    said: str
    label: str = ""
    """Of the branch, where there is a choice."""
    call: Call | None = None

    @property
    def answer(self) -> str:
        """One line that tells all of it; the label comes first, the call last."""
        called = f"Call: {self.call.tool} {json.dumps(self.call.arguments)}" if self.call else ""
        chosen = f"{self.label}." if self.label else ""
        return " ".join(part for part in (chosen, self.said, called) if part)


@dataclass(frozen=True, slots=True)
class Turn:
    """An earlier step, as a prompt shows it."""

    answer: str
    """One line."""
    brought: str = ""
    """What the tool that it names brought."""


class Situation:
    """What the prompt of a step shows.

    Args:
        query: the task.
        turns: earlier steps, the oldest first.
    """

    def __init__(self, query: str, turns: Sequence[Turn]) -> None:
        self.trip = read_query(query)
        calls = [(Call.said_in(turn.answer), turn.brought) for turn in turns]
        seen = [Observation(call.tool, dict(call.arguments), text) for call, text in calls if call and text]
        self.known = Knowledge(self.trip, seen)
        self.chosen: list[Route] = [
            tuple((city, int(nights)) for city, nights in _STAY.findall(turn.answer))
            for turn in turns
            if turn.answer.startswith("Route: ")
        ]
        self.journey = _journey(turns)
        self.unlisted = [
            city for city in self.known.cities if not self.known.has("accommodation_search", city)
        ]

    def plan(self, allowed: Callable[[Route], bool]) -> Plan | None:
        """The cheapest plan on such a route, as far as is known."""
        return cheapest_plan(self.known.database(), self.trip, allowed)

    @property
    def chosen_plan(self) -> Plan | None:
        """The cheapest on the route that was chosen last."""
        return self.plan(lambda route: route == self.chosen[-1])

    @property
    def journeys(self) -> list[_Journey]:
        """Those of the route that was chosen last."""
        stays = self.chosen[-1]
        ends = [self.trip.origin, *(city for city, _ in stays), self.trip.origin]
        days = accumulate((nights for _, nights in stays), initial=1)
        return [
            (origin, destination, self.trip.day(day).isoformat())
            for (origin, destination), day in zip(pairwise(ends), days, strict=True)
        ]

    @property
    def unsearched(self) -> list[_Journey]:
        """Those of them of which not all is known."""
        return [journey for journey in self.journeys if not self.known.searched(*journey)]

    @property
    def unseen(self) -> list[str]:
        """The cities of the route whose attractions are not known."""
        return [city for city, _ in self.chosen[-1] if not self.known.has("attraction_search", city)]


def _journey(turns: Sequence[Turn]) -> _Journey | None:
    """The journey that the step before took up."""
    found = _TAKEN.match(turns[-1].answer) if turns else None
    return (found[1], found[2], found[3]) if found else None


_Step: TypeAlias = Callable[[Situation], Reply]


def _facts(now: Situation) -> Reply:
    trip = now.trip
    dates = f"{trip.first_day} to {trip.day(trip.days)}"
    return Reply(f"From {trip.origin} to {trip.destination}, {dates}, {trip.people} people, ${trip.budget}.")


def _is_state(now: Situation) -> Reply:
    return Reply(f"{now.trip.visits} to be visited.", _yes(now.trip.visits > 1))


def _cities(now: Situation) -> Reply:
    return Reply("", call=Call("city_search", {"state": now.trip.destination}))


def _accommodations(now: Situation) -> Reply:
    return Reply("", call=Call("accommodation_search", {"city": now.unlisted[0]}))


def _restaurants(now: Situation) -> Reply:
    city = next(city for city in now.known.cities if not now.known.has("restaurant_search", city))
    return Reply("", _yes(bool(now.unlisted)), Call("restaurant_search", {"city": city}))


def _route(now: Situation) -> Reply:
    plan = now.plan(lambda route: route not in now.chosen)
    nights = Counter(day.end for day in plan[:-1]) if plan else {}
    return Reply("Route: " + " > ".join(f"{city} ({count})" for city, count in nights.items()))


def _distance(now: Situation) -> Reply:
    origin, destination, day = (now.unsearched or now.journeys)[0]
    ends = {"origin": origin, "destination": destination}
    return Reply(f"Journey: {origin} to {destination} on {day}.", call=Call("distance", ends))


def _flights(now: Situation) -> Reply:
    assert now.journey is not None
    more = _yes(any(journey != now.journey for journey in now.unsearched))
    if now.trip.wishes.without is Mode.FLIGHT:
        return Reply("", more)
    asked = dict(zip(("origin", "destination", "date"), now.journey, strict=True))
    return Reply("", more, Call("flight_search", asked))


def _sum(now: Situation) -> Reply:
    cost = _cost(now)
    return Reply("A journey cannot be made." if cost is None else f"All together is ${cost:,}.")


def _affordable(now: Situation) -> Reply:
    cost = _cost(now)
    if cost is not None and cost <= now.trip.budget:
        return Reply("", "Yes")
    return Reply("", "No" if now.plan(lambda route: route not in now.chosen) else "None left")


def _attractions(now: Situation) -> Reply:
    city = (now.unseen or [now.chosen[-1][0][0]])[0]
    return Reply("", _yes(len(now.unseen) > 1), Call("attraction_search", {"city": city}))


def _complete(now: Situation) -> Reply:
    return Reply("", _yes(now.chosen_plan is not None))


def _answer(now: Situation) -> Reply:
    plan = now.chosen_plan
    return Reply(write_answer(plan) if plan else "There is no plan.")


_STEPS: tuple[_Step, ...] = (
    _facts,
    _is_state,
    _cities,
    _accommodations,
    _restaurants,
    _route,
    _distance,
    _flights,
    _sum,
    _affordable,
    _attractions,
    _complete,
    _answer,
)


def _yes(so: bool) -> str:
    return "Yes" if so else "No"


def _cost(now: Situation) -> int | None:
    plan = now.chosen_plan
    return None if plan is None else plan_cost(now.known.database(), now.trip, plan)


class Planner:
    """Replies to the steps of a workflow, which it knows by their instructions.

    Args:
        workflow: `travel.flow`.
    """

    def __init__(self, workflow: Workflow) -> None:
        self._steps = {step.instruction: do for step, do in zip(workflow.steps, _STEPS, strict=True)}

    @property
    def instructions(self) -> tuple[str, ...]:
        """Those that it knows."""
        return tuple(self._steps)

    def reply(self, instruction: str, now: Situation) -> Reply:
        """What is done at a step, in such a situation.

        Raises:
            KeyError: the workflow has no such step.
        """
        return self._steps[instruction](now)
