"""A queue that gives every caller the same share, measured in cost and not in requests.

Start-time fair queueing (Goyal, Vin and Cheng, 1996) with equal weights: an item starts where its caller's
last one ended on a clock of its own, and the item with the earliest start is next. So a caller with a
thousand items waits for itself, and one with a single item is served within a round.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Item = TypeVar("Item")

_SWEEP_AT = 256
"""Callers that are remembered before those that wait for nothing are looked for and forgotten."""


@dataclass(slots=True, eq=False)
class Entry(Generic[Item]):
    """An item in the queue; what `put` gives and `drop` takes."""

    item: Item
    caller: str
    cost: int
    start: float
    """Its turn, on the queue's clock."""
    waiting: bool = True


@dataclass(slots=True)
class _Line(Generic[Item]):
    """What one caller waits for."""

    end: float
    """Where its last item ends on the queue's clock."""
    entries: deque[Entry[Item]] = field(default_factory=deque)
    cost: int = 0
    """Of the entries that still wait."""


class FairQueue(Generic[Item]):
    """Items with a cost, each of a caller. Items of one caller keep their order."""

    def __init__(self) -> None:
        self._lines: dict[str, _Line[Item]] = {}
        self._heads: list[tuple[float, int, str]] = []
        self._announced = 0
        self._clock = 0.0
        self._cost = 0

    @property
    def cost(self) -> int:
        """What all waiting items cost."""
        return self._cost

    def cost_of(self, caller: str) -> int:
        """What the waiting items of one caller cost."""
        line = self._lines.get(caller)
        return 0 if line is None else line.cost

    @property
    def callers(self) -> int:
        """How many callers have items that wait."""
        return sum(1 for line in self._lines.values() if line.cost)

    def lag(self, caller: str) -> float:
        """What is served before the caller's next item would have its turn, about, if others go on as now."""
        line = self._lines.get(caller)
        if line is None:
            return 0.0
        return max(0.0, line.end - self._clock) * max(1, self.callers)

    def put(self, caller: str, cost: int, item: Item) -> Entry[Item]:
        """Adds an item.

        Args:
            caller: whose it is.
            cost: 1 or more.
            item: what waits.
        """
        self._sweep()
        line = self._lines.setdefault(caller, _Line(end=self._clock))
        entry = Entry(item, caller, cost, start=max(self._clock, line.end))
        line.end = entry.start + cost
        line.entries.append(entry)
        line.cost += cost
        self._cost += cost
        if len(line.entries) == 1:
            self._announce(entry)
        return entry

    def drop(self, entry: Entry[Item]) -> None:
        """Takes an item out of turn, for good; does nothing where it was taken before."""
        if entry.waiting:
            self._leave(entry)

    def take(self, budget: int) -> Iterator[Item]:
        """Removes the items whose turn it is, until the next one would go over the budget.

        The first is given whatever it costs, so that nothing waits for ever.
        """
        spent = 0
        while self._heads:
            entry = self._lines[self._heads[0][2]].entries[0]
            if entry.waiting and spent and spent + entry.cost > budget:
                return
            self._advance()
            if not entry.waiting:
                continue
            self._clock = entry.start
            self._leave(entry)
            if not self._heads:
                # Nobody waits, so nobody has had more than a share.
                self._lines.clear()
            spent += entry.cost
            yield entry.item

    def _advance(self) -> None:
        _, _, caller = heapq.heappop(self._heads)
        entries = self._lines[caller].entries
        entries.popleft()
        if entries:
            self._announce(entries[0])

    def _announce(self, entry: Entry[Item]) -> None:
        self._announced += 1
        heapq.heappush(self._heads, (entry.start, self._announced, entry.caller))

    def _leave(self, entry: Entry[Item]) -> None:
        entry.waiting = False
        self._cost -= entry.cost
        self._lines[entry.caller].cost -= entry.cost

    def _sweep(self) -> None:
        """Forgets callers that wait for nothing, and with it that they had their share a moment ago."""
        if len(self._lines) < _SWEEP_AT + 2 * len(self._heads):
            return
        self._lines = {name: line for name, line in self._lines.items() if line.entries}
