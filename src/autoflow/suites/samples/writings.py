"""Samples of tasks that give a text: with gaps or complete, and what is wanted of it."""

from __future__ import annotations

import random

from autoflow.suites.model import Sample, Split
from autoflow.suites.planning import Combination, Fault, Language, Wanted
from autoflow.suites.samples.allotment import dice
from autoflow.suites.samples.pictures import png, scene_for
from autoflow.suites.samples.scene_texts import scene_text
from autoflow.suites.samples.texts import Sentence, Text, text_for
from autoflow.suites.samples.verdicts import SENTIMENTS_IN_GERMAN
from autoflow.suites.scenes import caption, draw

_SHARE_OF_GAPS = 0.6


def text_sample(combination: Combination, split: Split, number: int) -> Sample:
    """One sample of a task that gives a text.

    Args:
        combination: what the task gives and wants; seeds everything.
        split: of the combination.
        number: of the sample, from 0.
    """
    rng = dice("writing", combination.id, number)
    gapped = Fault.GAPS in combination.faults
    if combination.wanted is Wanted.NEW_IMAGE:
        shown = scene_for(split, combination.id, number)
        told = scene_text(shown, rng)
        return Sample((told.clozed if gapped else told.complete,), png(draw(shown)), caption(shown))
    text = text_for(split, combination.id, number)
    german = combination.language is Language.GERMAN
    if combination.wanted is Wanted.ANSWER:
        sentence = rng.choice([one for one in text.sentences if one.asked and (one.gaps or not gapped)])
        assert sentence.asked is not None
        given = text.clozed(_gaps(text, sentence, rng)) if gapped else text.english
        return Sample((given, sentence.asked.question), sentence.asked.answer[german])
    given = text.clozed(_gaps_for(combination.wanted, text, rng)) if gapped else text.english
    return Sample((given,), _reference(text, combination.wanted, german))


def _reference(text: Text, wanted: Wanted, german: bool) -> str:
    if wanted is Wanted.SENTIMENT:
        return SENTIMENTS_IN_GERMAN[text.sentiment] if german else text.sentiment.value
    if wanted is Wanted.SUMMARY:
        return text.summary(Language.GERMAN if german else Language.ENGLISH)
    return text.german if german else text.english


def _gaps_for(wanted: Wanted, text: Text, rng: random.Random) -> list[str]:
    """What is left out, so that what is wanted cannot be had without it."""
    if wanted is Wanted.SENTIMENT:
        return [gap for one in text.sentences if one.sentiment is text.sentiment for gap in one.gaps]
    if wanted is Wanted.SUMMARY:
        return _gaps(text, text.sentences[0], rng)
    possible = _possible(text)
    return rng.sample(possible, round(_SHARE_OF_GAPS * len(possible)))


def _gaps(text: Text, sentence: Sentence, rng: random.Random) -> list[str]:
    """All that a sentence can miss, and something of another."""
    others = [gap for gap in _possible(text) if gap not in sentence.gaps]
    return [*sentence.gaps, rng.choice(others)]


def _possible(text: Text) -> list[str]:
    return [gap for sentence in text.sentences for gap in sentence.gaps]
