"""Who is in which slot, and whose beginning can be taken over.

A finished sequence stays in its slot until the slot is needed, least recently used first. A new sequence
that begins like one that is there, finished or not, does not compute that beginning again: a chat that goes
on takes over its slot, and anything else gets a copy. Beginnings are compared token by token against all
slots at once; for some hundred slots that costs less than keeping an index.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_WORTH_COPYING = 4
"""Tokens. A shorter beginning is computed as fast as it is copied."""
_WORTH_WAITING = 16
"""Tokens. For a beginning that is being computed right now and is longer by this, it pays to wait for it."""

_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sequence goes."""

    slot: int
    reused: int
    """How many of its first tokens need not be computed."""
    source: int
    """The slot whose first `reused` tokens are to be copied; the slot itself where there is nothing to
    copy."""


class SlotTable:
    """What the slots hold. For use in one thread.

    Args:
        slots: how many there are.
        context: how many tokens each has.
    """

    def __init__(self, slots: int, context: int) -> None:
        self._ids = np.full((slots, context), -1, dtype=np.int32)
        self._known = np.zeros(slots, dtype=np.int64)
        """Leading ids that are settled, whether computed or not."""
        self._computed = np.zeros(slots, dtype=np.int64)
        """Leading ids whose keys and values are there."""
        self._prompt = np.zeros(slots, dtype=np.int64)
        self._weights = np.full(slots, None, dtype=object)
        self._busy = np.zeros(slots, dtype=bool)
        self._used = np.zeros(slots, dtype=np.int64)
        self._clock = 0

    def place(self, ids: Sequence[int], reusable: int, weights: str | None) -> Place | None:
        """Finds a slot for a sequence and gives it to it.

        Args:
            ids: the ids of its prompt.
            reusable: how many of the first need not be computed if they are found.
            weights: what keys and values depend on beside the ids: the adapter.

        Returns:
            Its place; None where it should wait: no slot is free, or what it could reuse is being computed.
        """
        if self._busy.all():
            return None
        wanted = np.asarray(ids, dtype=np.int32)
        common = self._common(wanted[:reusable], weights)
        ready = np.minimum(common, self._computed)
        source = int(ready.argmax())
        reused = int(ready[source])
        if int(common.max()) - reused >= _WORTH_WAITING:
            return None
        if self._goes_on(source, reused, len(ids)):
            slot = source
        elif reused >= _WORTH_COPYING:
            slot = self._least_recently_used(spare=source)
        else:
            slot = source = self._least_recently_used()
            reused = 0
        self._give(slot, source, wanted, reused, weights)
        return Place(slot, reused, source)

    def advance(self, slot: int, ids: Sequence[int]) -> None:
        """Notes that the next ids of a sequence were computed."""
        computed = int(self._computed[slot])
        self._ids[slot, computed : computed + len(ids)] = ids
        self._computed[slot] = computed + len(ids)
        self._known[slot] = max(self._known[slot], self._computed[slot])

    def release(self, slot: int) -> None:
        """Frees the slot of a sequence that ended; what it holds may be reused."""
        self._busy[slot] = False
        self._known[slot] = self._computed[slot]
        self._touch(slot)

    def discard(self, slot: int) -> None:
        """Frees a slot and forgets what it holds."""
        self._busy[slot] = False
        self._known[slot] = self._computed[slot] = 0

    def _common(self, ids: np.ndarray, weights: str | None) -> np.ndarray:
        """How many leading ids each slot shares."""
        longest = int(self._known.max(initial=0))
        ids = ids[:longest]
        if not len(ids):
            return np.zeros_like(self._known)
        differs = self._ids[:, : len(ids)] != ids
        first = np.where(differs.any(1), differs.argmax(1), len(ids))
        return np.where(self._weights == weights, np.minimum(first, self._known), 0)

    def _goes_on(self, slot: int, reused: int, length: int) -> bool:
        """Whether a sequence continues the chat of a slot that nobody uses, so that it may have the slot."""
        prompt = int(self._prompt[slot])
        return not self._busy[slot] and 0 < prompt <= reused and length > prompt

    def _least_recently_used(self, spare: int | None = None) -> int:
        """The slot to give up; one that is to be spared only if there is no other."""
        used = np.where(self._busy, _NEVER, self._used)
        if spare is not None and not self._busy[spare]:
            used[spare] = _NEVER - 1
        return int(used.argmin())

    def _give(self, slot: int, source: int, ids: np.ndarray, reused: int, weights: str | None) -> None:
        self._touch(source)
        self._ids[slot, : len(ids)] = ids
        self._known[slot] = self._prompt[slot] = len(ids)
        self._computed[slot] = reused
        self._weights[slot] = weights
        self._busy[slot] = True
        self._touch(slot)

    def _touch(self, slot: int) -> None:
        self._clock += 1
        self._used[slot] = self._clock
