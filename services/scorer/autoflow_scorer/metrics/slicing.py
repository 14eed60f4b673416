"""Cuts work for threads: between two slices other requests have their turn, and a cancelled one stops."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def slices(
    things: Sequence[T], size: Callable[[T], int], most: int, count: int | None = None
) -> Iterator[Sequence[T]]:
    """Cuts things into neighbours.

    Args:
        things: what to cut.
        size: of a thing.
        most: of what the things of a slice but the last measure together.
        count: the most things of a slice; None for any number.
    """
    start = total = 0
    for index, thing in enumerate(things):
        if total > most or index - start == count:
            yield things[start:index]
            start, total = index, 0
        total += size(thing)
    yield things[start:]
