"""Understands English texts: what they think, what matters in them, what belongs in their gaps, and answers.

All by looking up words; what a text means beyond them is not understood.
"""

from __future__ import annotations

import re
from collections import Counter

from autoflow.suites.samples.clues import Clues
from autoflow.suites.samples.phrases import Part, PhraseBook
from autoflow.suites.samples.verdicts import VERDICTS, Sentiment
from autoflow.suites.samples.words import ANIMALS, GAP, WAYS, WEATHER
from autoflow_experts.experts import Unusable

NEUTRAL = "neutral"
"""What is said of a text that evaluates nothing, or as much for as against."""

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_WORD = re.compile(r"\w+")
_VERDICTS = {verdict.english: verdict.sentiment for each in VERDICTS.values() for verdict in each}
_ANY_WORD = rf"{re.escape(GAP)}|[\w-]+"
_ASIDE = frozenset(
    ["a", "an", "and", "did", "does", "how", "is", "of", "the", "to", "was", "what", "which", "who"]
)


def sentences(text: str) -> list[str]:
    """The sentences of a text."""
    return [sentence for sentence in _SENTENCE_END.split(text.strip()) if sentence]


def sentiment(text: str) -> str:
    """What most of the evaluating words of a text say."""
    said = Counter(_VERDICTS[word] for word in _WORD.findall(text.casefold()) if word in _VERDICTS)
    good, bad = said[Sentiment.POSITIVE], said[Sentiment.NEGATIVE]
    if good == bad:
        return NEUTRAL
    return (Sentiment.POSITIVE if good > bad else Sentiment.NEGATIVE).value


def filled(text: str, clues: Clues) -> str:
    """The text with its gaps filled, as far as their words are known.

    Raises:
        Unusable: there is no gap.
    """
    if GAP not in text:
        raise Unusable(f"the text has no gap: a gap is written {GAP}")
    return clues.fill(text)


def summarized(text: str, book: PhraseBook) -> str:
    """Who visited what, and how it ended; of other texts the first and the last sentence, of two the first.

    Raises:
        Unusable: there is one sentence at most, of which nothing can be left out.
    """
    said = sentences(text)
    if len(said) < 2:
        raise Unusable("the text has one sentence at most, which is as short as a summary")
    if len(said) == 2:
        return said[0]
    parts = [reading.part if (reading := book.read(sentence)) else None for sentence in said]
    first = said[parts.index(Part.LEAD)] if Part.LEAD in parts else said[0]
    last = said[parts.index(Part.END)] if Part.END in parts else said[-1]
    return f"{first} {last}"


def answered(text: str, question: str) -> str:
    """The words of a text that answer a question; where that is not understood, its likeliest sentence."""
    asked = question.strip().casefold()
    if found := re.fullmatch(r"how was (?P<thing>the .+?)\?", asked):
        thing = re.escape(found["thing"])
        said = re.search(rf"\b{thing} was (?:as |so |very )?({_ANY_WORD})", text, re.IGNORECASE)
        if said:
            return said[1]
        if found["thing"] == "the weather" and (seen := _first(text, [english for english, _ in WEATHER])):
            return seen
    if asked.startswith("how did") and (way := _way(text)):
        return way
    if asked.startswith("which animal"):
        animals = "|".join(animal.noun.english for animal in ANIMALS)
        if said := re.search(rf"\b(?:her|his) ({animals}|{re.escape(GAP)}), which\b", text, re.IGNORECASE):
            return said[1]
    return _likeliest(text, asked)


def _way(text: str) -> str | None:
    """How somebody got there, and not how they got home."""
    for sentence in sentences(text):
        if "home" not in sentence and (way := _first(sentence, [english for english, _ in WAYS])):
            return way
    return None


def _first(text: str, words: list[str]) -> str | None:
    found = re.search(rf"\b(?:{'|'.join(map(re.escape, words))})\b", text, re.IGNORECASE)
    return found[0].lower() if found else None


def _likeliest(text: str, asked: str) -> str:
    wanted = set(_WORD.findall(asked)) - _ASIDE
    return max(
        sentences(text) or [text],
        key=lambda sentence: len(wanted & set(_WORD.findall(sentence.casefold()))),
    )
