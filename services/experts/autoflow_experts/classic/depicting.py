"""Draws what an English text says in the words of the scenes: where, when, and things from left to right.

What a text leaves open is chosen: a meadow, the day, black, small. Only the first four things are drawn.
"""

from __future__ import annotations

import zlib

import numpy as np

from autoflow.suites.scenes import Colour, Place, Scene, Size, Thing, Time, draw
from autoflow.suites.scenes.model import ASPECTS, FLYING
from autoflow_experts.classic.noun_phrases import NounPhrase, noun_phrases, place_in, time_in
from autoflow_experts.experts import Unusable
from autoflow_experts.pictures import Pixels

_MOST = 4
_EXTENTS = {Size.SMALL: 0.157, Size.LARGE: 0.275}
_FLYING_TOP, _STANDING_BOTTOM = 0.1, 0.84


def depicted(text: str) -> Pixels:
    """A picture of what a text says.

    Raises:
        Unusable: it names nothing that can be drawn.
    """
    phrases = [phrase for phrase in noun_phrases(text) if not phrase.many][:_MOST]
    place, time = place_in(text), time_in(text)
    if not phrases and place is None:
        raise Unusable("the text names no thing and no place that can be drawn")
    if "from right to left" in text.casefold():
        phrases.reverse()
    # Equal texts give equal pictures, and other texts other clouds.
    texture = zlib.crc32(text.encode())
    return np.asarray(draw(Scene(place or Place.MEADOW, time or Time.DAY, _laid_out(phrases), texture)))


def _laid_out(phrases: list[NounPhrase]) -> tuple[Thing, ...]:
    """Things side by side with equal gaps."""
    sizes = [phrase.size or Size.SMALL for phrase in phrases]
    gap = (1 - sum(_EXTENTS[size] for size in sizes)) / (len(sizes) + 1)
    things: list[Thing] = []
    left = 0.0
    for phrase, size in zip(phrases, sizes, strict=True):
        extent, kind = _EXTENTS[size], phrase.kind
        height = extent * ASPECTS.get(kind, (1.0, 1.0))[1]
        y = _FLYING_TOP + height / 2 if kind in FLYING else _STANDING_BOTTOM - height / 2
        left += gap
        things.append(Thing(kind, phrase.colour or Colour.BLACK, size, left + extent / 2, y, extent))
        left += extent
    return tuple(things)
