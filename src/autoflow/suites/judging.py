"""Answers that are judged by constraints, where no list of right plans could say what is right.

For answers P, and C_p the constraints of one kind that apply to answer p:

    micro = Σ_p Σ_{c ∈ C_p} holds(c, p) / Σ_p |C_p|      macro = Σ_p [all c ∈ C_p hold] / |P|

The delivery rate is the share of answers that can be read; the final pass rate that of answers of which all
constraints of both kinds hold. An answer that cannot be read is in P, and none of its constraints hold. These
are the measures of TravelPlanner (Xie et al., arXiv 2402.01622).

The reward of one answer, which the paper has not, is the share of all its constraints that hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from autoflow.suites.model import Task


class Kind(StrEnum):
    """Whose a constraint is."""

    COMMONSENSE = "commonsense"
    """Nobody asks for it: it holds of every sensible answer."""
    HARD = "hard"
    """The task asks for it."""


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
    """One for each constraint that applies to the task."""
    not_delivered: str = ""
    """Why the answer cannot be read; empty where it can."""

    @property
    def delivered(self) -> bool:
        """Whether the answer can be read."""
        return not self.not_delivered

    @property
    def final_pass(self) -> bool:
        """Whether every constraint holds."""
        return all(verdict.holds for verdict in self.verdicts)

    @property
    def reward(self) -> float:
        """The share of constraints that hold, in [0, 1]; 0 where the answer cannot be read."""
        return _share(verdict.holds for verdict in self.verdicts)

    def of(self, kind: Kind) -> tuple[Verdict, ...]:
        """The verdicts of one kind."""
        return tuple(verdict for verdict in self.verdicts if verdict.kind is kind)


@dataclass(frozen=True, slots=True)
class Measures:
    """The measures over some answers, each in [0, 1]."""

    delivery_rate: float
    commonsense_micro: float
    commonsense_macro: float
    hard_micro: float
    hard_macro: float
    final_pass_rate: float


class Judge(Protocol):
    """Tells what answers to a suite's tasks are worth."""

    def score(self, task: Task, answer: str) -> Score:
        """Judges an answer; any text may be one. Equal arguments give equal scores.

        Raises:
            NotFound: the task is none of the suite's.
        """


def measures(scores: Sequence[Score]) -> Measures:
    """The measures; all 0 where there is no answer."""
    return Measures(
        delivery_rate=_share(score.delivered for score in scores),
        commonsense_micro=_micro(scores, Kind.COMMONSENSE),
        commonsense_macro=_macro(scores, Kind.COMMONSENSE),
        hard_micro=_micro(scores, Kind.HARD),
        hard_macro=_macro(scores, Kind.HARD),
        final_pass_rate=_share(score.final_pass for score in scores),
    )


def _micro(scores: Sequence[Score], kind: Kind) -> float:
    return _share(verdict.holds for score in scores for verdict in score.of(kind))


def _macro(scores: Sequence[Score], kind: Kind) -> float:
    return _share(all(verdict.holds for verdict in score.of(kind)) for score in scores)


def _share(outcomes: Iterable[bool]) -> float:
    counted = list(outcomes)
    return sum(counted) / len(counted) if counted else 0.0
