"""Reads the things, the place and the hour of a scene in an English text, by the words of the scenes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from autoflow.suites.samples.words import GAP
from autoflow.suites.scenes import Colour, Kind, Place, Size, Time
from autoflow.suites.scenes.words import ENGLISH

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class NounPhrase:
    """Words for a thing, such as `a small red ball`."""

    start: int
    end: int
    """Where they stand in the text."""
    article: bool
    size: Size | None
    colour: Colour | None
    kind: Kind
    noun: int
    """Which of the words for this kind."""
    many: bool


_SIZES = {word: size for size, words in ENGLISH.sizes.items() for word in words}
_COLOURS = {word: colour for colour, word in ENGLISH.colours.items()}
_NOUNS = {
    (noun.many if many else noun.one): (kind, index, many)
    for kind, nouns in ENGLISH.kinds.items()
    for index, noun in enumerate(nouns)
    # Last the singular, for "fish" is more often one.
    for many in (True, False)
}
_PHRASE = re.compile(
    rf"\b(?P<article>an?\s+)?(?:(?P<size>{'|'.join(_SIZES)})\s+)?"
    rf"(?:(?P<colour>{'|'.join(_COLOURS)}|{re.escape(GAP)})\s+)?"
    rf"(?P<noun>{'|'.join(sorted(_NOUNS, key=len, reverse=True))})\b",
    re.IGNORECASE,
)


def noun_phrases(text: str) -> Iterator[NounPhrase]:
    """The things that a text names, in its order."""
    for found in _PHRASE.finditer(text):
        size, colour = (found[part] or "" for part in ("size", "colour"))
        kind, noun, many = _NOUNS[found["noun"].lower()]
        yield NounPhrase(
            *found.span(),
            article=found["article"] is not None,
            size=_SIZES.get(size.lower()),
            colour=_COLOURS.get(colour.lower()),
            kind=kind,
            noun=noun,
            many=many,
        )


def place_in(text: str) -> Place | None:
    """The place that a text names first."""
    words = {place: (*phrases, ENGLISH.places[place]) for place, phrases in ENGLISH.where.items()}
    return _first(text, words)


def time_in(text: str) -> Time | None:
    """The hour that a text names first."""
    return _first(text, {time: (*phrases, ENGLISH.times[time]) for time, phrases in ENGLISH.when.items()})


def _first(text: str, words: Mapping[_T, Sequence[str]]) -> _T | None:
    """What the earliest of some words stands for; of words that begin together, the longest."""
    found = [
        (match.start(), -len(word), key)
        for key, each in words.items()
        for word in each
        if (match := re.search(rf"\b{word}\b", text, re.IGNORECASE))
    ]
    return min(found, key=lambda one: one[:2])[2] if found else None
