"""Which calls advance, by how much, and in which slots.

Every call that has a slot advances in every pass: those that draw by one token, those that still read their
prompt by as much as the pass has room for. So a call joins the others at once, leaves as soon as it ends,
and a long prompt does not hold anyone up for longer than one pass.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from autoflow.llm.local.cache import SlotCache
from autoflow.llm.local.calls import Call
from autoflow.llm.local.runner import Advance, in_batch_order
from autoflow.llm.local.slots import SlotTable


class Scheduler:
    """The calls under way. For use in one thread.

    Args:
        cache: whose slots are given out.
        max_rows: most calls under way.
        max_tokens: most tokens of a pass.
    """

    def __init__(self, cache: SlotCache, *, max_rows: int, max_tokens: int) -> None:
        self._cache = cache
        self._table = SlotTable(cache.slots, cache.context)
        self._max_rows = max_rows
        self._max_tokens = max_tokens
        self._active: list[Call[Any]] = []

    @property
    def active(self) -> tuple[Call[Any], ...]:
        """The calls that have a slot."""
        return tuple(self._active)

    @property
    def is_full(self) -> bool:
        """Whether no call can be admitted before another one ends."""
        return len(self._active) >= self._max_rows

    def admit(self, call: Call[Any]) -> bool:
        """Gives a call a slot, with what of its beginning is already computed.

        Returns:
            Whether it got one; if not, it should be tried again before the next pass.
        """
        place = self._table.place(call.ids, call.reusable, call.digest)
        if place is None:
            return False
        try:
            if place.source != place.slot:
                self._cache.copy(place.source, place.slot, place.reused)
        except Exception:
            self._table.discard(place.slot)
            raise
        call.slot, call.computed = place.slot, place.reused
        self._active.append(call)
        return True

    def plan(self) -> list[list[Advance]]:
        """What the next passes compute: one pass for each adapter, in the order of its batch."""
        groups: dict[str | None, list[Call[Any]]] = {}
        for call in self._active:
            groups.setdefault(call.digest, []).append(call)
        return [in_batch_order(self._share(calls)) for calls in groups.values()]

    def advanced(self, advances: Iterable[Advance]) -> None:
        """Notes that a pass has computed its tokens."""
        for each in advances:
            call = each.call
            self._table.advance(call.slot, call.ids[call.computed : each.stop])
            call.computed = each.stop

    def release(self, calls: Iterable[Call[Any]]) -> None:
        """Takes calls out that have ended; what they computed may be reused."""
        for call in calls:
            self._active.remove(call)
            self._table.release(call.slot)

    def discard(self, calls: Iterable[Call[Any]]) -> None:
        """Takes calls out that have failed, and forgets what they computed."""
        for call in calls:
            self._active.remove(call)
            self._table.discard(call.slot)

    def _share(self, calls: list[Call[Any]]) -> list[Advance]:
        """Divides the tokens of a pass: first those who need one, then the others as they came."""
        room = self._max_tokens
        advances = []
        for call in sorted(calls, key=lambda call: len(call.ids) - call.computed > 1):
            count = min(len(call.ids) - call.computed, room)
            if count:
                advances.append(Advance(call, count))
                room -= count
        return advances
