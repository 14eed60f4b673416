"""Scores answers: which constraints hold, and the measures of TravelPlanner (Xie et al., arXiv 2402.01622).

For plans P, and C_p the constraints of one kind that apply to plan p (all common-sense ones; of the hard ones
those that the query names, and always the budget):

    micro = Σ_p Σ_{c ∈ C_p} holds(c, p) / Σ_p |C_p|      macro = Σ_p [all c ∈ C_p hold] / |P|

The delivery rate is the share of answers that are plans; the final pass rate that of plans of which all
constraints of both kinds hold. An answer that is no plan is in P, and none of its constraints hold.

As in TravelPlanner, hard constraints are judged only where the plan is within the sandbox and complete, and
do not hold otherwise: what is left out, or invented, costs nothing.

The reward of one answer, which the paper has not, is the share of all its constraints that hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from autoflow.errors import InvalidArgument
from autoflow.suites.travel import commonsense, hard
from autoflow.suites.travel.answers import Plan, read_answer
from autoflow.suites.travel.model import Database
from autoflow.suites.travel.trips import Trip, Wishes

Check: TypeAlias = Callable[[Database, Trip, Plan], str | None]
"""None where the constraint holds, else a sentence that says why not."""

UNKNOWN = "It is judged only for complete plans of which everything is in the database."


class Kind(StrEnum):
    """Whose a constraint is."""

    COMMONSENSE = "commonsense"
    HARD = "hard"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether one constraint holds."""

    constraint: str
    kind: Kind
    holds: bool
    reason: str
    """Why it does not hold; empty where it does."""


@dataclass(frozen=True, slots=True)
class Score:
    """What became of one answer."""

    verdicts: tuple[Verdict, ...]
    """One for each constraint that applies to the trip."""
    not_delivered: str = ""
    """What is wrong with an answer that is no plan; empty for a plan."""

    @property
    def delivered(self) -> bool:
        """Whether the answer is a plan."""
        return not self.not_delivered

    @property
    def final_pass(self) -> bool:
        """Whether every constraint holds."""
        return all(verdict.holds for verdict in self.verdicts)

    @property
    def reward(self) -> float:
        """The share of constraints that hold, in [0, 1]; 0 where no plan was delivered."""
        return _share(verdict.holds for verdict in self.verdicts)

    def of(self, kind: Kind) -> tuple[Verdict, ...]:
        """The verdicts of one kind."""
        return tuple(verdict for verdict in self.verdicts if verdict.kind is kind)


@dataclass(frozen=True, slots=True)
class Measures:
    """The measures of the paper, each in [0, 1]."""

    delivery_rate: float
    commonsense_micro: float
    commonsense_macro: float
    hard_micro: float
    hard_macro: float
    final_pass_rate: float


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


def measures(scores: Sequence[Score]) -> Measures:
    """The measures over all answers; 0 where there are none."""
    return Measures(
        delivery_rate=_share(score.delivered for score in scores),
        commonsense_micro=_micro(scores, Kind.COMMONSENSE),
        commonsense_macro=_macro(scores, Kind.COMMONSENSE),
        hard_micro=_micro(scores, Kind.HARD),
        hard_macro=_macro(scores, Kind.HARD),
        final_pass_rate=_share(score.final_pass for score in scores),
    )


def _verdict(check: Check, kind: Kind, reason: str | None) -> Verdict:
    return Verdict(check.__name__, kind, reason is None, reason or "")


def _micro(scores: Sequence[Score], kind: Kind) -> float:
    return _share(verdict.holds for score in scores for verdict in score.of(kind))


def _macro(scores: Sequence[Score], kind: Kind) -> float:
    return _share(all(verdict.holds for verdict in score.of(kind)) for score in scores)


def _share(outcomes: Iterable[bool]) -> float:
    counted = list(outcomes)
    return sum(counted) / len(counted) if counted else 0.0
