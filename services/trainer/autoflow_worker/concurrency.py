"""Calls once more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from autoflow.errors import Unavailable
from autoflow_worker.ports import CallFailed, TimedOut

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Retry:
    """How often, and after how long, a call is made again after `CallFailed`.

    The client underneath makes quick retries of its own; these outlast a restart of the service.
    """

    attempts: int = 5
    """Calls in all, at least 1."""
    timed_out_attempts: int = 2
    """Calls that may run out of their time."""
    first_wait: float = 0.5
    """Seconds before the second call; each wait is three times the one before."""
    longest_wait: float = 20.0
    """Seconds; also the most that a service's own wish is followed."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def call(self, make: Callable[[], Awaitable[T]]) -> T:
        """Makes the call until it succeeds.

        Raises:
            CallFailed: the last attempt's. Any other error ends the attempts at once.
        """
        wait = self.first_wait
        timed_out = 0
        for _ in range(self.attempts - 1):
            try:
                return await make()
            except CallFailed as failure:
                timed_out += isinstance(failure, TimedOut)
                if timed_out >= self.timed_out_attempts:
                    raise
                await self.sleep(min(max(wait, failure.retry_after), self.longest_wait))
                wait *= 3
        return await make()


async def patiently(retry: Retry, work: Callable[[], T]) -> T:
    """Does what uses the artifact store, in a thread; where the store is away, it is waited for.

    Raises:
        CallFailed: it stayed away.
    """

    async def attempt() -> T:
        try:
            return await asyncio.to_thread(work)
        except Unavailable as error:
            raise CallFailed(error.message) from error

    return await retry.call(attempt)
