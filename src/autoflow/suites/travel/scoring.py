"""Scores answers: which constraints hold of the plan that an answer says.

As in TravelPlanner (Xie et al., arXiv 2402.01622), hard constraints are judged only where the plan is within
the sandbox and complete, and do not hold otherwise: what is left out, or invented, costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from autoflow.errors import InvalidArgument
from autoflow.suites.judging import Kind, Score, Verdict
from autoflow.suites.travel import commonsense, hard
from autoflow.suites.travel.answers import Plan, read_answer
from autoflow.suites.travel.model import Database
from autoflow.suites.travel.trips import Trip, Wishes

Check: TypeAlias = Callable[[Database, Trip, Plan], str | None]
"""None where the constraint holds, else a sentence that says why not."""

UNKNOWN = "It is judged only for complete plans of which everything is in the database."

COMMONSENSE: tuple[Check, ...] = (
    commonsense.within_sandbox,
    commonsense.complete_information,
    commonsense.within_current_city,
    commonsense.reasonable_city_route,
    commonsense.diverse_restaurants,
    commonsense.diverse_attractions,
    commonsense.non_conflicting_transportation,
    commonsense.minimum_nights,
)

_HARD: tuple[tuple[Check, Callable[[Wishes], bool]], ...] = (
    (hard.budget, lambda wishes: True),
    (hard.room_rule, lambda wishes: wishes.room_rule is not None),
    (hard.room_type, lambda wishes: wishes.room_type is not None),
    (hard.cuisine, lambda wishes: bool(wishes.cuisines)),
    (hard.transportation, lambda wishes: wishes.without is not None),
)


def hard_constraints(trip: Trip) -> tuple[Check, ...]:
    """Those that apply to a trip."""
    return tuple(check for check, applies in _HARD if applies(trip.wishes))


def score_answer(database: Database, trip: Trip, answer: str) -> Score:
    """Reads an answer and judges its plan by every constraint that applies to the trip."""
    try:
        plan = read_answer(answer)
    except InvalidArgument as error:
        reason = "No plan was delivered."
        checks = ((Kind.COMMONSENSE, COMMONSENSE), (Kind.HARD, hard_constraints(trip)))
        verdicts = [Verdict(check.__name__, kind, False, reason) for kind, group in checks for check in group]
        return Score(tuple(verdicts), error.message)
    return score_plan(database, trip, plan)


def score_plan(database: Database, trip: Trip, plan: Plan) -> Score:
    """Judges a plan by every constraint that applies to the trip."""
    reasons = {check: check(database, trip, plan) for check in COMMONSENSE}
    verdicts = [_verdict(check, Kind.COMMONSENSE, reason) for check, reason in reasons.items()]
    known = not (reasons[commonsense.within_sandbox] or reasons[commonsense.complete_information])
    for check in hard_constraints(trip):
        verdicts.append(_verdict(check, Kind.HARD, check(database, trip, plan) if known else UNKNOWN))
    return Score(tuple(verdicts))


def _verdict(check: Check, kind: Kind, reason: str | None) -> Verdict:
    return Verdict(check.__name__, kind, reason is None, reason or "")
