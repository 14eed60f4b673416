"""A queue that gives every caller the same share, measured in cost and not in requests.

A caller is a name within a peer, such as one of those whom a proxy speaks for. Peers share equally, and
within a peer its names do: whoever invents names shares with himself alone.

Hierarchical start-time fair queueing (Goyal, Vin and Cheng, 1996) with equal weights: a member's turn is
where its last item ended on the clock of its level, or now where nothing of it waited, and the earliest turn
is next. So a caller with a thousand items waits for itself, and one with a single item is served within a
round.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

Item = TypeVar("Item")

_SWEEP_AT = 256
"""Members that are remembered before those that wait for nothing are looked for and forgotten."""


class Caller(NamedTuple):
    """Who asks."""

    peer: str
    """The connection."""
    name: str = ""
    """Which of those who share the connection."""


@dataclass(slots=True, eq=False)
class Entry(Generic[Item]):
    """An item in the queue; what `put` gives and `drop` takes."""

    item: Item
    cost: int
    within: tuple[_Share[Item], ...]
    """The shares of its name, its peer and all."""
    waiting: bool = True


@dataclass(slots=True, eq=False)
class _Share(Generic[Item]):
    """What a name waits for, which has entries; or a peer, or all, which have members."""

    turn: float = 0.0
    """On the clock of the share that it is a member of."""
    listed: bool = False
    """Whether it is among those whose turn will come; all that wait are."""
    cost: int = 0
    """Of the entries that still wait."""
    entries: deque[Entry[Item]] = field(default_factory=deque)
    members: dict[str, _Share[Item]] = field(default_factory=dict)
    _turns: list[tuple[float, int, str]] = field(default_factory=list)
    _listings: int = 0
    _clock: float = 0.0

    @property
    def waiting(self) -> int:
        """How many members have entries that wait."""
        return sum(1 for member in self.members.values() if member.cost)

    def member(self, name: str) -> _Share[Item]:
        """The member of that name, new or not."""
        if name not in self.members:
            self._sweep()
            self.members[name] = _Share(turn=self._clock)
        return self.members[name]

    def enlist(self, name: str) -> None:
        """Sees that a member's turn will come."""
        member = self.members[name]
        if not member.listed:
            member.listed, member.turn = True, max(member.turn, self._clock)
            self._listings += 1
            heapq.heappush(self._turns, (member.turn, self._listings, name))

    def head(self) -> Entry[Item] | None:
        """The entry whose turn it is."""
        while self.entries:
            if self.entries[0].waiting:
                return self.entries[0]
            self.entries.popleft()
        while self._turns:
            member = self.members[self._turns[0][2]]
            if (head := member.head()) is not None:
                return head
            heapq.heappop(self._turns)
            member.listed = False
        return None

    def pop(self) -> Entry[Item]:
        """Takes what `head` has just given."""
        if self.entries:
            return self.entries.popleft()
        self._clock, _, name = heapq.heappop(self._turns)
        member = self.members[name]
        entry = member.pop()
        member.turn += entry.cost
        member.listed = False
        if member.head() is not None:
            self.enlist(name)
        if self.head() is None:
            # Nobody waits, so nobody has had more than a share.
            self.members.clear()
        return entry

    def excess(self, name: str) -> float:
        """What a member has had more than the one whose turn it is."""
        if name not in self.members or self.head() is None:
            return 0.0
        return max(0.0, self.members[name].turn - self._turns[0][0])

    def _sweep(self) -> None:
        """Forgets members that wait for nothing, and with it that they had their share a moment ago."""
        if len(self.members) >= _SWEEP_AT + 2 * len(self._turns):
            self.members = {name: member for name, member in self.members.items() if member.listed}


class FairQueue(Generic[Item]):
    """Items with a cost, each of a caller. Items of one caller keep their order."""

    def __init__(self) -> None:
        self._all: _Share[Item] = _Share()

    @property
    def cost(self) -> int:
        """What all waiting items cost."""
        return self._all.cost

    def cost_of_peer(self, peer: str) -> int:
        """What the waiting items of one peer cost."""
        return self._all.members[peer].cost if peer in self._all.members else 0

    def cost_of(self, caller: Caller) -> int:
        """What the waiting items of one caller cost."""
        names = self._all.members[caller.peer].members if caller.peer in self._all.members else {}
        return names[caller.name].cost if caller.name in names else 0

    def lag(self, caller: Caller) -> float:
        """What is served before the caller's next item would have its turn, about, if others go on as now."""
        peer = self._all.members.get(caller.peer)
        if peer is None:
            return 0.0
        own = (peer.excess(caller.name) + self.cost_of(caller)) * max(1, peer.waiting)
        return (self._all.excess(caller.peer) + max(own, peer.cost)) * max(1, self._all.waiting)

    def put(self, caller: Caller, cost: int, item: Item) -> Entry[Item]:
        """Adds an item.

        Args:
            caller: whose it is.
            cost: 1 or more.
            item: what waits.
        """
        peer = self._all.member(caller.peer)
        line = peer.member(caller.name)
        entry = Entry(item, cost, (line, peer, self._all))
        line.entries.append(entry)
        for share in entry.within:
            share.cost += cost
        peer.enlist(caller.name)
        self._all.enlist(caller.peer)
        return entry

    def drop(self, entry: Entry[Item]) -> None:
        """Takes an item out of turn, for good; does nothing where it was taken before."""
        if entry.waiting:
            entry.waiting = False
            for share in entry.within:
                share.cost -= entry.cost

    def take(self, budget: int) -> Iterator[Item]:
        """Removes the items whose turn it is, until the next one would go over the budget.

        The first is given whatever it costs, so that nothing waits for ever.
        """
        spent = 0
        while (head := self._all.head()) is not None:
            if spent and spent + head.cost > budget:
                return
            self.drop(self._all.pop())
            spent += head.cost
            yield head.item
