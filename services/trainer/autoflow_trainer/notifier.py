"""Wakes those in this process who wait for a run to change.

A notification carries nothing: whoever is woken reads the database, which alone is the truth. So a
notification that comes twice, or too early, is harmless, and one that never comes (from another process) is
made up for by the timeout that every wait has.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Subscription:
    """One waiter's bell. It remembers a ring that came while nobody waited."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def ring(self) -> None:
        """Wakes the waiter, now or when it comes to wait."""
        self._event.set()

    async def wait(self, timeout: float) -> None:
        """Returns at the first ring since the last wait, or after so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._event.wait()
        self._event.clear()


class Notifier:
    """Passes on that runs have changed. For use in one event loop."""

    def __init__(self) -> None:
        self._watchers: defaultdict[str, set[Subscription]] = defaultdict(set)
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether all who wait are to stop waiting."""
        return self._closed

    def close(self) -> None:
        """Wakes all, for the last time."""
        self._closed = True
        for subscriptions in self._watchers.values():
            for subscription in subscriptions:
                subscription.ring()

    def changed(self, run_id: str) -> None:
        """Wakes all who wait for that run, and all who wait for any."""
        for key in (run_id, ""):
            for subscription in self._watchers.get(key, ()):
                subscription.ring()

    @contextmanager
    def subscribe(self, run_id: str = "") -> Iterator[Subscription]:
        """Listens for the length of the block.

        Args:
            run_id: the run; empty means any.
        """
        subscription = Subscription()
        self._watchers[run_id].add(subscription)
        try:
            yield subscription
        finally:
            self._watchers[run_id].discard(subscription)
            if not self._watchers[run_id]:
                del self._watchers[run_id]
