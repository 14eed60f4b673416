"""What is loaded when it is first wanted, and shared by all who want it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

_LOAD_SECONDS = 60.0
_CLOSE_SECONDS = 60.0
"""More than a model itself takes for what runs."""


class Loadable(Protocol):
    """A model of any kind."""

    @property
    def alive(self) -> bool:
        """False once it is closed or has broken down for good."""

    async def close(self) -> None:
        """Stops whatever runs and frees it."""


T = TypeVar("T", bound=Loadable)
Load: TypeAlias = Callable[[], Coroutine[Any, Any, T]]
"""Loads something. Must not block the event loop."""


class Loads(Generic[T]):
    """Loads by name. For use in one event loop.

    Callers who come while something is loaded wait for the same load. One that failed is begun anew for the
    next caller, and so is that of what has broken down; a caller who is cancelled leaves it running.
    """

    def __init__(self) -> None:
        self._loads: dict[str, asyncio.Task[T]] = {}

    async def get(self, name: str, load: Load[T]) -> T:
        """What has that name.

        Args:
            name: of what is wanted.
            load: loads it where it is not there; of one name always the same.
        """
        running = self.begin(name, load)
        return running.result() if running.done() else await asyncio.shield(running)

    def begin(self, name: str, load: Load[T]) -> asyncio.Task[T]:
        """The load of what has that name, begun anew where there is none, or nothing alive has come of it."""
        running = self._loads.get(name)
        if running is None or (running.done() and not is_alive(running)):
            former = None if running is None else _loaded(running)
            running = self._loads[name] = asyncio.create_task(_instead_of(former, load))
        return running

    async def close(self) -> None:
        """Closes all that was loaded; what is being loaded, as soon as it is."""
        loads = list(self._loads.values())
        if loads:
            # A load in a thread cannot be cancelled; a model that nobody closes may keep the process alive.
            await asyncio.wait(loads, timeout=_LOAD_SECONDS)
        there = [each for load in loads if (each := _loaded(load)) is not None]
        async with asyncio.timeout(_CLOSE_SECONDS):
            await asyncio.gather(*(each.close() for each in there))


def is_alive(load: asyncio.Task[T]) -> bool:
    """Whether something has come of a load, and lives."""
    there = _loaded(load)
    return there is not None and there.alive


async def _instead_of(former: T | None, load: Load[T]) -> T:
    if former is not None:
        # It may still hold memory that the next one needs.
        await former.close()
    return await load()


def _loaded(load: asyncio.Task[T]) -> T | None:
    """What came of a load; None where it runs still, or has failed."""
    if not load.done() or load.cancelled() or load.exception() is not None:
        return None
    return load.result()
