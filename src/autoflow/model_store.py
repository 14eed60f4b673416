"""Keeps models in memory: each is loaded once, when it is first wanted, and the least recently used one goes
when the next would not fit.

A model that is in use is never unloaded, and a load that has begun goes on when nobody waits for it any more:
whoever comes again finds the model, however short their deadlines are. Sizes are those that models state once
they are loaded, so for the length of a load the budget may be passed by the model that is being loaded.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from autoflow.errors import FailedPrecondition, ResourceExhausted

_RETRY_SECONDS = 5.0


class Sized(Protocol):
    """What the store keeps."""

    @property
    def bytes(self) -> int:
        """The memory of its weights."""


Model = TypeVar("Model", bound=Sized)


@dataclass(slots=True)
class _Slot(Generic[Model]):
    """A model's place."""

    model: Model | None = None
    loading: asyncio.Task[None] | None = None
    users: int = 0


class ModelStore(Generic[Model]):
    """Models by name, within a budget. For use in one event loop.

    Args:
        max_bytes: the weights that may be in memory.
        unloaded: told the name of each model that goes.
    """

    def __init__(self, max_bytes: int, unloaded: Callable[[str], None] = lambda _: None) -> None:
        self._max_bytes = max_bytes
        self._unloaded = unloaded
        self._slots: OrderedDict[str, _Slot[Model]] = OrderedDict()

    @property
    def loaded(self) -> list[str]:
        """The models in memory, the least recently used first."""
        return [name for name, slot in self._slots.items() if slot.model is not None]

    @asynccontextmanager
    async def use(self, name: str, load: Callable[[], Model]) -> AsyncIterator[Model]:
        """Holds a model in memory for the length of the block.

        Args:
            name: its name.
            load: loads it; called in a thread, once for all who wait for the model.

        Raises:
            FailedPrecondition: it is larger than the budget.
            ResourceExhausted: it does not fit beside those that are in use.
            Exception: whatever `load` raised.
        """
        slot = self._slots.setdefault(name, _Slot())
        slot.users += 1
        try:
            if slot.model is None:
                if slot.loading is None:
                    slot.loading = asyncio.create_task(self._load(name, slot, load))
                    slot.loading.add_done_callback(_look)
                await asyncio.shield(slot.loading)
            assert slot.model is not None
            self._slots.move_to_end(name)
            yield slot.model
        finally:
            slot.users -= 1

    async def _load(self, name: str, slot: _Slot[Model], load: Callable[[], Model]) -> None:
        try:
            slot.model = await asyncio.to_thread(load)
            self._make_room(name, slot)
        finally:
            slot.loading = None

    def _make_room(self, name: str, slot: _Slot[Model]) -> None:
        assert slot.model is not None
        if slot.model.bytes > self._max_bytes:
            size, slot.model = slot.model.bytes, None
            raise FailedPrecondition(
                f"the model takes {size >> 20} MiB, and {self._max_bytes >> 20} MiB are set aside for models"
            )
        for other_name, other in list(self._slots.items()):
            if self._bytes() <= self._max_bytes:
                return
            if other.users == 0 and other.model is not None and other_name != name:
                other.model = None
                self._unloaded(other_name)
        if self._bytes() > self._max_bytes:
            slot.model = None
            raise ResourceExhausted("the models that are in use leave no room for this one", _RETRY_SECONDS)

    def _bytes(self) -> int:
        return sum(slot.model.bytes for slot in self._slots.values() if slot.model is not None)


def _look(load: asyncio.Task[None]) -> None:
    """Asks for a load's error: whoever waited may be gone, and asyncio complains of what nobody asked for."""
    if not load.cancelled():
        load.exception()
