"""The names of the ways in which a run can search or learn, and from what; what each does is the worker's."""

from __future__ import annotations

from enum import StrEnum

SHORTLIST = 8
"""Workflows of an optimisation that are measured on all validation tasks, and of which the best wins."""


class Method(StrEnum):
    """How a run searches, or learns."""

    REINFORCE = "reinforce"
    RLOO = "rloo"
    RAFT = "raft"
    HISTORY = "history"
    REFLECTIVE = "reflective"
    RANDOM = "random"

    @property
    def trains(self) -> bool:
        """Whether it trains an adapter; the others leave the weights alone and work with any model."""
        return self in {Method.REINFORCE, Method.RLOO, Method.RAFT}


class Reward(StrEnum):
    """What an answer is worth to a run."""

    PLAN = "plan"
    """How much its plan is like an accepted one."""
    EXECUTED = "executed"
    """What its plan's outputs are worth, when it is executed on samples of the task."""
    JUDGED = "judged"
    """The share of constraints that hold, says the suite's own judge: the only reward of a suite with one."""
