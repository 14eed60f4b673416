"""The length of the longest common subsequence, also of long sequences.

Bit-parallel, a word of the one at a time against all of the other (Hyyrö, 2004, "Bit-parallel LCS-length
computation revisited"): with V all ones at first and M the places of the word,

    U = V & M,  V = (V + U) | (V - U)

and the length is the number of zeros in V. Two texts of 50,000 words take a second or two and some 40 MB; a
table of all pairs of words, as `rouge-score` makes it, would take 20 GB.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

_KEPT = 8
"""The places of a word from which on its mask is kept: there can be few such words."""


def common_subsequence(one: Sequence[str], other: Sequence[str]) -> int:
    """The length of the longest sequence that is in both, in order, with gaps or without."""
    places: defaultdict[str, list[int]] = defaultdict(list)
    for place, word in enumerate(one):
        places[word].append(place)
    kept = {word: _mask(found) for word, found in places.items() if len(found) >= _KEPT}
    every = row = (1 << len(one)) - 1
    for word in other:
        if word in places:
            both = row & (kept[word] if word in kept else _mask(places[word]))
            row = ((row + both) | (row - both)) & every
    return len(one) - row.bit_count()


def _mask(places: Sequence[int]) -> int:
    mask = bytearray(places[-1] // 8 + 1)
    for place in places:
        mask[place // 8] |= 1 << place % 8
    return int.from_bytes(mask, "little")
