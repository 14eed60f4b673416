"""The suite `travel`: trips to be planned with tools, each of which is known to be possible.

There are trips of 3, 5 and 7 days, to one city or to two or three cities of a state. An easy one is for a
single traveller with a budget, a medium one has one wish more and a hard one three. The budget is that of the
cheapest plan and a little more.

The splits are disjoint by region: no city of the test split occurs in the train or validation split.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from types import MappingProxyType

from autoflow.suites.judging import Score
from autoflow.suites.model import Split, digest_of
from autoflow.suites.travel.answers import Plan
from autoflow.suites.travel.costs import plan_cost
from autoflow.suites.travel.generation import travel_database
from autoflow.suites.travel.guide import answer_guide
from autoflow.suites.travel.model import Cuisine, Database, HouseRule, Mode
from autoflow.suites.travel.queries import write_query
from autoflow.suites.travel.scoring import score_answer
from autoflow.suites.travel.solver import cheapest_plan
from autoflow.suites.travel.tools import TRAVEL_TOOLS
from autoflow.suites.travel.trips import RoomWish, Trip, Wishes

GOAL = (
    "Plan a trip with the tools that search for cities, flights, roads, accommodations, restaurants and "
    "attractions, so that it keeps to the budget and to every wish, and answer with the plan of each day."
)
"""What its tasks have in common."""

VISITS = MappingProxyType({3: 1, 5: 2, 7: 3})
"""Cities to visit, by days."""
WISHES = MappingProxyType({"easy": 0, "medium": 1, "hard": 3})
"""Kinds of wishes, by level."""

_REGIONS = {Split.TRAIN: "Norrland Isle", Split.VALIDATION: "Midway Isle", Split.TEST: "Southern Isle"}
_TASKS = {Split.TRAIN: 10, Split.VALIDATION: 4, Split.TEST: 6}
"""Of each number of days at each level."""
_MAX_PEOPLE = 6
_SLACK = range(105, 121)
"""The budget in percent of the cheapest plan's cost, before it is rounded up to ten dollars."""


@dataclass(frozen=True)
class TravelTask:
    """One trip to be planned."""

    id: str
    """Unique in its suite, such as `5-days.hard.train/1`."""
    stratum: str
    """The group that stratified draws keep in proportion, such as `5 days, hard`."""
    query: str
    trip: Trip
    reference: Plan
    """The cheapest plan; all constraints hold of it."""

    @cached_property
    def digest(self) -> str:
        """`sha256:<hex>` of everything that, with the database, decides the task's reward."""
        return digest_of([self.query, str(self.trip)])


class TravelSuite:
    """Trips in three splits, and what plans are made of.

    Attributes:
        title: what people call it.
        goal: what the tasks have in common, in words.
        guide: what a planner is told beside its query: the form of an answer, and the rules.
        tools: what a planner may call.
        database: what the tools search, and what answers are judged by.
    """

    def __init__(self, database: Database) -> None:
        self.title = "travel"
        self.goal = GOAL
        self.guide = answer_guide()
        self.tools = TRAVEL_TOOLS
        self.database = database
        self._tasks: dict[Split, tuple[TravelTask, ...]] = {}

    def tasks(self, split: Split) -> tuple[TravelTask, ...]:
        """The tasks of a split, in the suite's order; made when they are first asked for."""
        if split not in self._tasks:
            self._tasks[split] = tuple(_tasks(self.database, split))
        return self._tasks[split]

    def asked(self, task: TravelTask) -> str:
        """What a workflow is told: the query, then the guide."""
        return f"{task.query}\n\n{self.guide}"

    def score(self, task: TravelTask, answer: str) -> Score:
        """Judges an answer; any text may be one."""
        return score_answer(self.database, task.trip, answer)

    @cached_property
    def digest(self) -> str:
        """`sha256:<hex>` of the goal, the guide, the tools, the database and every task in its split."""
        tools = [(tool.name, tool.description, tool.schema) for tool in self.tools]
        tasks = [(split, [(task.id, task.digest) for task in self.tasks(split)]) for split in Split]
        return digest_of([self.goal, self.guide, tools, self.database.digest, tasks])


def travel_suite() -> TravelSuite:
    """The suite: 90 tasks to train on, 36 to validate and 54 to test."""
    return TravelSuite(travel_database())


def _tasks(database: Database, split: Split) -> Iterator[TravelTask]:
    for days in VISITS:
        for level in WISHES:
            for number in range(1, _TASKS[split] + 1):
                name = f"{days}-days.{level}.{split}/{number}"
                yield _task(
                    database, name, f"{days} days, {level}", _trips(database, split, days, level, name)
                )


def _task(database: Database, name: str, stratum: str, trips: Iterator[Trip]) -> TravelTask:
    """The first of the trips that is possible, with a budget that it needs."""
    for trip in trips:
        plan = cheapest_plan(database, trip)
        if plan is not None:
            rng = random.Random(f"travel budget {name}")
            cost = plan_cost(database, trip, plan)
            budget = -(-cost * rng.choice(_SLACK) // 1000) * 10
            trip = replace(trip, budget=budget)
            return TravelTask(name, stratum, write_query(trip, rng), trip, plan)
    raise AssertionError("trips are drawn without end")


def _trips(database: Database, split: Split, days: int, level: str, name: str) -> Iterator[Trip]:
    """Trips of that kind without end, their budgets still to be set."""
    rng = random.Random(f"travel trip {name}")
    cities = [city for city in database.cities if city.region == _REGIONS[split]]
    span = (database.last_day - database.first_day).days + 1
    while True:
        origin = rng.choice(cities)
        place = rng.choice([city for city in cities if city.state != origin.state])
        yield Trip(
            origin=origin.name,
            destination=place.name if VISITS[days] == 1 else place.state,
            visits=VISITS[days],
            first_day=database.first_day + timedelta(days=rng.randrange(span - days + 1)),
            days=days,
            people=1 if level == "easy" else rng.randint(2, _MAX_PEOPLE),
            budget=0,
            wishes=_wishes(rng, WISHES[level]),
        )


def _wishes(rng: random.Random, count: int) -> Wishes:
    every = Wishes(
        room_rule=rng.choice(list(HouseRule)),
        room_type=rng.choice(list(RoomWish)),
        cuisines=_cuisines(rng),
        without=rng.choice((Mode.FLIGHT, Mode.SELF_DRIVING)),
    )
    kinds = rng.sample(("room_rule", "room_type", "cuisines", "without"), count)
    return Wishes(**{kind: getattr(every, kind) for kind in kinds})


def _cuisines(rng: random.Random) -> tuple[Cuisine, ...]:
    wanted = rng.sample(list(Cuisine), rng.randint(1, 3))
    return tuple(cuisine for cuisine in Cuisine if cuisine in wanted)
