"""The names of the ways in which a run can learn; what each does is the worker's."""

from __future__ import annotations

from enum import StrEnum


class Method(StrEnum):
    """How a run learns."""

    REINFORCE = "reinforce"
    RLOO = "rloo"
    RAFT = "raft"
