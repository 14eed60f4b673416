"""Reads which of several options words name."""

from __future__ import annotations

import re
from collections.abc import Sequence


def read_marked(text: str, marks: Sequence[str], names: Sequence[str]) -> int | None:
    """The option that words name: its mark, alone or leading, or exactly one of the names.

    Args:
        text: the words.
        marks: what each option is chosen by: ASCII letters, or digits with or without leading zeros.
        names: what each option is called; a mark that other words follow counts only where these begin so.

    Returns:
        The index of the option; None where the words name none, or more than one.
    """
    words = text.strip().strip("`*_\"'.()[] ")
    places = {mark.lstrip("0"): index for index, mark in enumerate(marks)}
    # ASCII: without it other characters, such as the sign of Kelvin, would pass for letters.
    leading = re.match(
        rf"(?:option |answer:? )?\(?0*({'|'.join(places)})(?:([.):])|\s|$)", words, re.IGNORECASE | re.ASCII
    )
    if leading:
        rest = words[leading.end() :].strip().casefold()
        index = places[leading[1].upper()]
        # Of names that begin one another, the longest is meant.
        meant = max(
            (name for name in map(str.casefold, names) if rest.startswith(name)), key=len, default=None
        )
        if not rest or meant == names[index].casefold():
            return index
        if leading[2]:
            return None
    folded = words.casefold()
    same = [index for index, name in enumerate(names) if name.casefold() == folded]
    named = same or [index for index, name in enumerate(names) if _holds(folded, name.casefold())]
    return named[0] if len(named) == 1 else None


def _holds(words: str, name: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", words) is not None
