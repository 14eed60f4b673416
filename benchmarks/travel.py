"""How hard the suite `travel` is, and how fast its solver: `python -m benchmarks.travel`.

Prints one JSON object: for each number of days the milliseconds that the solver takes, how often the cheapest
plan of a trip without wishes grants each wish, and the measures of two planners on all tasks.

The careless one draws cities, accommodations and restaurants at random, drives itself and leaves nothing out:
its plans are right but for wishes, budget and minimum nights. The careful one is that of the tests, which
carries the hand-written workflow out and knows nothing but what the tools bring.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import Counter, defaultdict
from dataclasses import asdict, replace
from statistics import mean

from autoflow.language import check
from autoflow.suites import Split, workflow_text
from autoflow.suites.travel import (
    Database,
    Day,
    Journey,
    Kind,
    Mode,
    Place,
    Plan,
    Transportation,
    TravelSuite,
    TravelTask,
    Trip,
    Wishes,
    cheapest_plan,
    measures,
    plan_cost,
    score_plan,
    travel_suite,
)
from tests.suites.travel.planner.walk import walk


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--plans", type=int, default=20, help="careless plans of each task")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    suite = travel_suite()
    tasks = [task for split in Split for task in suite.tasks(split)]
    database, rng = suite.database, random.Random(given.seed)
    plans = [
        (task.trip, careless_plan(database, task.trip, rng)) for task in tasks for _ in range(given.plans)
    ]
    scores = [score_plan(database, trip, plan) for trip, plan in plans]
    affordable = [plan_cost(database, trip, plan) <= trip.budget for trip, plan in plans]
    report = {
        "tasks": len(tasks),
        "solver_ms": solver_times(database, tasks),
        "granted_unasked": granted_unasked(database, tasks),
        "careless": {
            "plans": len(plans),
            "within_budget": round(mean(affordable), 3),
            "reward": round(mean(score.reward for score in scores), 3),
            **{name: round(value, 3) for name, value in asdict(measures(scores)).items()},
        },
        "careful": careful(suite, tasks),
    }
    print(json.dumps(report))


def solver_times(database: Database, tasks: list[TravelTask]) -> dict[str, dict[str, float]]:
    """The mean and the longest time by days, in milliseconds."""
    times: defaultdict[int, list[float]] = defaultdict(list)
    for task in tasks:
        started = time.perf_counter()
        cheapest_plan(database, task.trip)
        times[task.trip.days].append(1000 * (time.perf_counter() - started))
    return {
        f"{days} days": {"mean": round(mean(ms), 1), "max": round(max(ms), 1)} for days, ms in times.items()
    }


def granted_unasked(database: Database, tasks: list[TravelTask]) -> dict[str, str]:
    """How many of the wishes hold of the cheapest plan for whoever has none."""
    asked: Counter[str] = Counter()
    granted: Counter[str] = Counter()
    for task in tasks:
        plan = cheapest_plan(database, replace(task.trip, wishes=Wishes()))
        assert plan is not None, "the trip is possible with its wishes"
        for verdict in score_plan(database, task.trip, plan).of(Kind.HARD):
            asked[verdict.constraint] += 1
            granted[verdict.constraint] += verdict.holds
    return {name: f"{granted[name]} of {asked[name]}" for name in sorted(asked) if name != "budget"}


def careful(suite: TravelSuite, tasks: list[TravelTask]) -> dict[str, dict[str, float]]:
    """By days: the tasks, those that pass within 60 and within 100 steps, and the mean of the steps."""
    workflow = check(workflow_text("travel")).workflow
    assert workflow is not None, "the hand-written workflow is one"
    walks: defaultdict[int, list[tuple[bool, int]]] = defaultdict(list)
    for task in tasks:
        walked = walk(workflow, suite, task, most=100)
        walks[task.trip.days].append((suite.score(task, walked.answer).final_pass, walked.steps))
    return {
        f"{days} days": {
            "tasks": len(found),
            "pass_within_60": sum(passes and steps <= 60 for passes, steps in found),
            "pass_within_100": sum(passes for passes, _ in found),
            "steps": round(mean(steps for _, steps in found), 1),
        }
        for days, found in walks.items()
    }


def careless_plan(database: Database, trip: Trip, rng: random.Random) -> Plan:
    """A complete plan that heeds neither wishes nor prices."""
    cities = rng.sample(database.cities_of(trip.destination), trip.visits)
    nights = (trip.days - 1) // trip.visits
    days: list[Day] = []
    for before, city in zip([trip.origin, *cities], cities, strict=False):
        row = rng.choice(database.accommodations_in[city])
        bed = Place(row.name, city)
        tables = [Place(row.name, city) for row in rng.sample(database.restaurants_in[city], 3 * nights - 2)]
        sights = [Place(row.name, city) for row in database.attractions_in[city]]
        journey = Journey(before, city)
        way = Transportation(Mode.SELF_DRIVING, journey)
        days.append(Day(len(days) + 1, journey, way, None, (), None, tables.pop(), bed))
        for _ in range(nights - 1):
            meals = tables.pop(), tables.pop(), tables.pop()
            days.append(Day(len(days) + 1, city, None, meals[0], (sights.pop(),), meals[1], meals[2], bed))
    home = Journey(cities[-1], trip.origin)
    return (*days, Day(trip.days, home, Transportation(Mode.SELF_DRIVING, home)))


if __name__ == "__main__":
    main()
