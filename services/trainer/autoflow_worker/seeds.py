"""Where every random choice of a run comes from.

No generator's state is ever carried along: each choice has a seed of its own, derived from the run's seed and
from what the choice is for. So a resumed run draws what the uninterrupted one would have drawn, and one
purpose never moves another's draws.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum


class Purpose(StrEnum):
    """What a random choice is for."""

    ADAPTER = "adapter"
    CANDIDATES = "candidates"
    REFINEMENTS = "refinements"
    SEARCH = "search"
    SCREENING = "screening"
    TASKS = "tasks"
    REPLAY = "replay"
    CONTROL = "control"
    POLICY_BEFORE = "policy-before"
    POLICY_AFTER = "policy-after"
    BOOTSTRAP = "bootstrap"
    EXECUTIONS = "executions"


def derive(seed: int, purpose: Purpose, index: int = 0) -> int:
    """The seed of one choice, in [0, 2^48).

    A service that draws K samples uses `seed` to `seed + K - 1`; in a space of 2^48 two such stretches of one
    run meet with a probability of about one in 10^9.

    Args:
        seed: the run's.
        purpose: what the choice is for.
        index: which choice of that purpose, such as the iteration.
    """
    digest = hashlib.sha256(f"{seed}/{purpose}/{index}".encode()).digest()
    return int.from_bytes(digest[:6])
