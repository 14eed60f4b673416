"""Translates English into German, by the built-in texts' sentences and by a vocabulary of words and phrases.

A sentence or question of a known pattern is translated as a whole. Of any other the known words and noun
phrases are replaced, and the rest stays English: there is no grammar beyond the agreement of adjectives.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from autoflow.suites.planning import Language
from autoflow.suites.samples import words
from autoflow.suites.samples.phrases import PhraseBook
from autoflow.suites.samples.verdicts import SENTIMENTS_IN_GERMAN, VENUES, VERDICTS
from autoflow.suites.scenes.words import ENGLISH, GERMAN, LEXICONS
from autoflow_experts.classic.noun_phrases import NounPhrase, noun_phrases
from autoflow_experts.classic.questions import in_german
from autoflow_experts.classic.reading import NEUTRAL, sentences


class Translator:
    """Translates.

    Args:
        book: knows the sentences of the built-in texts.
    """

    def __init__(self, book: PhraseBook) -> None:
        self._book = book
        self._vocabulary = {english.casefold(): german for english, german in vocabulary()}
        longest_first = sorted(self._vocabulary, key=len, reverse=True)
        self._known = re.compile(rf"\b(?:{'|'.join(map(re.escape, longest_first))})\b", re.IGNORECASE)

    def german(self, text: str) -> str:
        """The text in German, as far as it is understood."""
        return " ".join(map(self._sentence, sentences(text)))

    def _sentence(self, english: str) -> str:
        if reading := self._book.read(english):
            return reading.german
        if question := in_german(english, self._words):
            return question
        german = "".join(self._pieces(english))
        begins = english.endswith((".", "!", "?")) and english[0].isupper()
        return german[0].upper() + german[1:] if begins else german

    def _pieces(self, english: str) -> Iterator[str]:
        """Noun phrases and what stands between them, in German."""
        done = 0
        for phrase in noun_phrases(english):
            if phrase.many:
                continue
            yield self._words(english[done : phrase.start])
            yield _noun_phrase(phrase)
            done = phrase.end
        yield self._words(english[done:])

    def _words(self, english: str) -> str:
        return self._known.sub(lambda found: self._vocabulary[found[0].casefold()], english)


def _noun_phrase(phrase: NounPhrase) -> str:
    sizes = [] if phrase.size is None else [GERMAN.sizes[phrase.size][0]]
    colours = [] if phrase.colour is None else [GERMAN.colours[phrase.colour]]
    nouns = GERMAN.kinds[phrase.kind]
    german = GERMAN.phrase(nouns[min(phrase.noun, len(nouns) - 1)], *sizes, *colours)
    return german if phrase.article else german.split(" ", 1)[1]


def vocabulary() -> Iterator[tuple[str, str]]:
    """Words and phrases in both languages; of those with equal English, the last counts."""
    yield from (*words.WHEN, *words.LATER, *words.WAYS, *words.WEATHER, *words.NUMBERS)
    yield "the weather", "das Wetter"
    yield from (thing.definite for venue in VENUES for thing in venue.things.values())
    yield from ((job.english, job.man) for job in words.JOBS)
    yield from ((animal.noun.english, animal.noun.german) for animal in words.ANIMALS)
    yield from ((verdict.english, verdict.german) for each in VERDICTS.values() for verdict in each)
    yield from ((sentiment.value, german) for sentiment, german in SENTIMENTS_IN_GERMAN.items())
    yield NEUTRAL, NEUTRAL
    here, there = LEXICONS[Language.ENGLISH], LEXICONS[Language.GERMAN]
    for place, phrases in here.where.items():
        yield here.places[place], there.places[place]
        yield from zip(phrases, there.where[place], strict=True)
    for time, phrases in here.when.items():
        yield here.times[time], there.times[time]
        yield from zip(phrases, there.when[time], strict=True)
    yield from ((word, there.colours[colour]) for colour, word in here.colours.items())
    yield from ((word, there.sizes[size][0]) for size, each in here.sizes.items() for word in each)
    yield from zip(here.numbers, there.numbers, strict=True)
    for word in ("yes", "no", "nothing", "conjunction"):
        yield getattr(ENGLISH, word), getattr(GERMAN, word)
