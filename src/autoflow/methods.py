"""The names of the ways in which a run can learn, and from what; what each does is the worker's."""

from __future__ import annotations

from enum import StrEnum


class Method(StrEnum):
    """How a run learns."""

    REINFORCE = "reinforce"
    RLOO = "rloo"
    RAFT = "raft"


class Reward(StrEnum):
    """What an answer is worth to a run."""

    PLAN = "plan"
    """How much its plan is like an accepted one."""
    EXECUTED = "executed"
    """What its plan's outputs are worth, when it is executed on samples of the task."""
    JUDGED = "judged"
    """The share of constraints that hold, says the suite's own judge: the only reward of a suite with one."""
