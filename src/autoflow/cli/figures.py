"""Figures as short texts."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

_BLOCKS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float], width: int) -> str:
    """Values in [0, 1] as blocks of eight heights, neighbours averaged where there are more than fit.

    Args:
        values: what to draw.
        width: characters at most, 1 or more.
    """
    count = min(len(values), width)
    bounds = [round(index * len(values) / count) for index in range(count + 1)] if count else [0]
    groups = [values[start:end] for start, end in pairwise(bounds)]
    heights = [sum(group) / len(group) * len(_BLOCKS) for group in groups]
    return "".join(_BLOCKS[min(max(int(height), 0), len(_BLOCKS) - 1)] for height in heights)


def count(number: int, what: str) -> str:
    """A number of things, such as `1 task`, `2,000 tasks` or `0 batches`."""
    plural = f"{what}{'es' if what.endswith('ch') else 's'}"
    return f"{number:,} {what if number == 1 else plural}"


def clock(seconds: float) -> str:
    """A duration as `m:ss`, or `h:mm:ss` from an hour on."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def share(relative: float) -> str:
    """A gain as a part of what it is over, such as `, +12%`; nothing where that was 0."""
    return f", {relative:+.0%}" if relative else ""
