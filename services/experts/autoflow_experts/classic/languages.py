"""Tells German texts from English ones, by the words that the tables have in one of the languages only.

A text without any such word is taken for English. Other languages are not told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from autoflow.suites.planning import Language
from autoflow.suites.samples.phrases import all_pairs
from autoflow.suites.scenes import Colour, Size
from autoflow.suites.scenes.words import LEXICONS, Lexicon
from autoflow_experts.classic.translation import vocabulary
from autoflow_experts.experts import Unusable

_WORD = re.compile(r"[^\W\d_]+")


class Languages:
    """Tells languages."""

    def __init__(self) -> None:
        pairs = (*all_pairs(), *vocabulary())
        english = _words([*(one for one, _ in pairs), *_of_scenes(LEXICONS[Language.ENGLISH])])
        german = _words([*(other for _, other in pairs), *_of_scenes(LEXICONS[Language.GERMAN])])
        self._english, self._german = english - german, german - english

    def english(self, text: str) -> str:
        """The text itself.

        Raises:
            Unusable: more of its words are German than English.
        """
        said = _WORD.findall(text.casefold())
        if sum(word in self._german for word in said) > sum(word in self._english for word in said):
            raise Unusable("the text is not in English")
        return text


def _words(texts: Iterable[str]) -> set[str]:
    return {word for text in texts for word in _WORD.findall(text.casefold())}


def _of_scenes(lexicon: Lexicon) -> Iterator[str]:
    """Noun phrases in all their forms, and the sentences around them."""
    for nouns in lexicon.kinds.values():
        for noun in nouns:
            yield noun.many
            yield from (lexicon.phrase(noun, lexicon.colours[colour]) for colour in Colour)
            yield from (lexicon.phrase(noun, word) for size in Size for word in lexicon.sizes[size])
    for pattern in (*lexicon.patterns, *lexicon.ordered, *lexicon.backward):
        yield pattern.format(things="", where="", when="")
