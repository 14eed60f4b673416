"""A bound on how many pieces of work a service has under way.

Whoever comes when it is full is refused at once and told when to come again: a queue here would hide the load
from the caller and let deadlines pass unseen. For use in one event loop.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from autoflow.errors import ResourceExhausted


class Admission:
    """Counts work that is under way.

    Args:
        limit: the most at once, 1 or more.
        what: the work in words, such as `executions`.
        retry_after: seconds, the hint for those who are refused.

    Raises:
        ValueError: the limit is less than 1.
    """

    def __init__(self, limit: int, what: str, *, retry_after: float = 1.0) -> None:
        if limit < 1:
            raise ValueError(f"the limit on {what} is {limit}, but must be at least 1")
        self._limit = limit
        self._what = what
        self._retry_after = retry_after
        self._under_way = 0

    @property
    def free(self) -> int:
        """How many more pieces of work are admitted now."""
        return self._limit - self._under_way

    @contextmanager
    def enter(self) -> Iterator[None]:
        """Admits one piece of work for the length of the block.

        Raises:
            ResourceExhausted: as many as may be are under way.
        """
        if self._under_way >= self._limit:
            raise ResourceExhausted(
                f"{self._under_way} {self._what} are under way, which is the limit",
                retry_after=self._retry_after,
            )
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1
