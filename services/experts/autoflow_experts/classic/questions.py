"""Says the built-in questions about scenes and texts in German.

Frames with one thing each, which German declines by the frame. Left out: every other question.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from autoflow.suites.scenes.words import GERMAN
from autoflow_experts.classic.noun_phrases import NounPhrase, noun_phrases

_Declension = Mapping[str, tuple[str, str]]
"""The article and an adjective's ending by gender."""

_THE: _Declension = MappingProxyType({"m": ("der", "e"), "f": ("die", "e"), "n": ("das", "e")})
_OF_THE: _Declension = MappingProxyType({"m": ("dem", "en"), "f": ("der", "en"), "n": ("dem", "en")})
_A: _Declension = MappingProxyType({"m": ("einen", "en"), "f": ("eine", "e"), "n": ("ein", "es")})


def _declined(by: _Declension) -> Callable[[NounPhrase], str]:
    def said(phrase: NounPhrase) -> str:
        noun = GERMAN.kinds[phrase.kind][0]
        article, ending = by[noun.gender]
        colour = "" if phrase.colour is None else f"{GERMAN.colours[phrase.colour]}{ending} "
        return f"{article} {colour}{noun.one}"

    return said


def _many(phrase: NounPhrase) -> str:
    return GERMAN.kinds[phrase.kind][0].many


_ABOUT_THINGS: tuple[tuple[str, str, Callable[[NounPhrase], str]], ...] = (
    ("What colour is {}?", "Welche Farbe hat {}?", _declined(_THE)),
    ("How large is {}?", "Wie groß ist {}?", _declined(_THE)),
    ("How many {} are there?", "Wie viele {} sind zu sehen?", _many),
    ("What is directly left of {}?", "Was ist direkt links von {}?", _declined(_OF_THE)),
    ("What is directly right of {}?", "Was ist direkt rechts von {}?", _declined(_OF_THE)),
    ("Is there {}?", "Gibt es {}?", _declined(_A)),
)
_OTHERS = (
    ("Where is this?", "Wo ist das?"),
    ("What time of day is it?", "Welche Tageszeit ist es?"),
    ("How many things are there?", "Wie viele Dinge sind zu sehen?"),
    ("How did {} travel to the town?", "Wie reiste {} in die Stadt?"),
    ("Which animal did {} bring?", "Welches Tier brachte {} mit?"),
    ("How was {}?", "Wie war {}?"),
)


def in_german(question: str, words: Callable[[str], str]) -> str | None:
    """A question in German; None where it is none of those that are known.

    Args:
        question: in English.
        words: translates whatever a text's question is about.
    """
    for english, german in _OTHERS:
        if found := _matched(english, question):
            return german.format(*map(words, found.groups()))
    for english, german, said in _ABOUT_THINGS:
        if found := _matched(english, question):
            phrases = list(noun_phrases(found[1]))
            return german.format(said(phrases[0])) if len(phrases) == 1 else None
    return None


def _matched(frame: str, question: str) -> re.Match[str] | None:
    return re.fullmatch(re.escape(frame).replace(r"\{\}", "(.+)"), question, re.IGNORECASE)
