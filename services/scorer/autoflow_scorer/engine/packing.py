"""Which sequences go through a model together, and where each lies in the packed rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeVar

Sized = TypeVar("Sized", bound=Sequence[int])


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring sequences of equal length.

    Attributes:
        start: row of the first one's first token.
        count: number of sequences.
        length: tokens of each.
    """

    start: int
    count: int
    length: int

    @property
    def stop(self) -> int:
        """The row after the last one."""
        return self.start + self.count * self.length


def runs_of(lengths: Sequence[int]) -> list[Run]:
    """Finds the runs of sequences that lie in this order; sort them by length to have few."""
    runs: list[Run] = []
    start = 0
    for length, group in groupby(lengths):
        runs.append(Run(start, sum(1 for _ in group), length))
        start = runs[-1].stop
    return runs


def passes(texts: Sequence[Sized], tokens: int) -> Iterator[Sequence[Sized]]:
    """Cuts texts into parts of at most so many tokens; a longer text is a part of its own."""
    first = total = 0
    for i, text in enumerate(texts):
        if i > first and total + len(text) > tokens:
            yield texts[first:i]
            first, total = i, 0
        total += len(text)
    if texts:
        yield texts[first:]
