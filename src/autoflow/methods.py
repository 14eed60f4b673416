"""The names of the ways in which a run can learn, and from what; what each does is the worker's."""

from __future__ import annotations

from enum import StrEnum


class Method(StrEnum):
    """How a run learns."""

    REINFORCE = "reinforce"
    RLOO = "rloo"
    RAFT = "raft"


class Reward(StrEnum):
    """What an answer's plan is worth to a run."""

    PLAN = "plan"
    """How much it is like an accepted plan."""
    EXECUTED = "executed"
    """What its outputs are worth, when it is executed on samples of the task."""
