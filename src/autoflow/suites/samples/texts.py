"""Short English texts of which everything is known: their German, sentiment, summary, gaps and answers.

A text tells of somebody's visit: who visited what, where and when; work, way, weather or a companion; three
things that were good or bad; how it ended. Each step of a right plan is needed:

- the gaps of a text whose sentiment is wanted hold every word that tells it, and what is left tells the
  contrary or nothing;
- the answer to a question about a text with gaps stands in a gap;
- a summary has gaps whose clues stand elsewhere in the text, and what evaluates is never in a summary;
- no question asks for what the summary says.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from autoflow.suites.model import Split
from autoflow.suites.planning import Language
from autoflow.suites.samples import words
from autoflow.suites.samples.allotment import dice, split_of
from autoflow.suites.samples.phrases import (
    PATTERNS,
    Pair,
    Part,
    animal_phrase,
    opinion_phrase,
    person_phrase,
    price_phrase,
    sentence,
    town_phrase,
    work_phrase,
)
from autoflow.suites.samples.verdicts import VENUE_ADJECTIVES, VENUES, VERDICTS, Aspect, Sentiment, Venue
from autoflow.suites.samples.words import GAP, Person


@dataclass(frozen=True, slots=True)
class Asked:
    """A question about a sentence and its answer in both languages."""

    question: str
    answer: Pair


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of a text."""

    part: Part
    english: str
    german: str
    gaps: tuple[str, ...] = ()
    """The English words that a reader of the whole text can fill in."""
    asked: Asked | None = None
    sentiment: Sentiment | None = None


@dataclass(frozen=True)
class Text:
    """A text and all that is known of it."""

    sentences: tuple[Sentence, ...]

    @cached_property
    def english(self) -> str:
        """The complete text."""
        return " ".join(sentence.english for sentence in self.sentences)

    @property
    def german(self) -> str:
        """The complete text in German."""
        return " ".join(sentence.german for sentence in self.sentences)

    def summary(self, language: Language) -> str:
        """The first and the last sentence: who visited what, and how it ended."""
        first, last = self.sentences[0], self.sentences[-1]
        if language is Language.GERMAN:
            return f"{first.german} {last.german}"
        return f"{first.english} {last.english}"

    @property
    def sentiment(self) -> Sentiment:
        """What most of the sentences that evaluate anything say."""
        said = [sentence.sentiment for sentence in self.sentences if sentence.sentiment]
        return max(Sentiment, key=said.count)

    def clozed(self, gaps: Sequence[str]) -> str:
        """The text with `GAP` in place of words that are among its sentences' `gaps`."""
        return " ".join(_clozed(sentence, gaps) for sentence in self.sentences)


def text(seed: int) -> Text:
    """The text of that number. Equal numbers give equal texts, on every machine."""
    rng = dice("text", seed)
    person, venue = rng.choice(words.PEOPLE), rng.choice(VENUES)
    job = rng.choice(words.JOBS)
    own: dict[str, Pair] = {"she": person.pronoun, "her": opinion_phrase(person)}
    town = rng.choice(words.TOWNS)
    lead = own | {
        "when": rng.choice(words.WHEN),
        "person": person_phrase(person, job),
        "venue": venue.noun.indefinite(*rng.choice(VENUE_ADJECTIVES)),
        "town": town_phrase(*town),
    }
    end = own | {
        "later": rng.choice(words.LATER),
        "price": price_phrase(rng.choice(words.NUMBERS)),
        "way": rng.choice(words.WAYS),
    }
    return Text(
        (
            _said(rng, Part.LEAD, lead, gaps=(job.english, town[0])),
            _said(rng, Part.WORK, {"work": work_phrase(person, job)}),
            *_circumstances(rng, person, own),
            *_verdicts(rng, person, venue, own),
            _said(rng, Part.END, end),
        )
    )


def text_for(split: Split, combination: str, number: int) -> Text:
    """The text of a combination's sample, of those that the split may show."""
    rng = dice("text", combination, number)
    while split_of((drawn := text(rng.getrandbits(48))).english) is not split:
        pass
    return drawn


def _circumstances(rng: random.Random, person: Person, own: dict[str, Pair]) -> Iterator[Sentence]:
    """One or two of: the way there, the weather, a companion."""
    chosen = rng.sample((Part.WAY, Part.WEATHER, Part.COMPANION), rng.choice((1, 2, 2)))
    if Part.WAY in chosen:
        way = rng.choice(words.WAYS)
        asked = Asked(f"How did {person.name} travel to the town?", way)
        yield _said(rng, Part.WAY, own | {"way": way}, asked)
    if Part.WEATHER in chosen:
        weather = rng.choice(words.WEATHER)
        yield _said(rng, Part.WEATHER, {"weather": weather}, Asked("How was the weather?", weather))
    if Part.COMPANION in chosen:
        animal = rng.choice(words.ANIMALS)
        asked = Asked(f"Which animal did {person.name} bring?", (animal.noun.english, animal.noun.german))
        values = {"animal": animal_phrase(person, animal)}
        yield _said(rng, Part.COMPANION, values, asked, gaps=(animal.noun.english,))


def _verdicts(rng: random.Random, person: Person, venue: Venue, own: dict[str, Pair]) -> Iterator[Sentence]:
    """Three things of the place, most of them good or most of them bad."""
    most, other = rng.sample(list(Sentiment), 2)
    sentiments = [most, most, rng.choice((most, other, other))]
    rng.shuffle(sentiments)
    patterns = rng.sample(PATTERNS[Part.VERDICT], 3)
    for aspect, sentiment, pattern in zip(rng.sample(list(Aspect), 3), sentiments, patterns, strict=True):
        thing = venue.things[aspect].definite
        verdict = rng.choice([one for one in VERDICTS[aspect] if one.sentiment is sentiment])
        asked = Asked(f"How was {thing[0]}?", (verdict.english, verdict.german))
        values = own | {"thing": thing, "verdict": verdict.phrase(person)}
        english, german = sentence(pattern, values)
        yield Sentence(Part.VERDICT, english, german, (verdict.english,), asked, sentiment)


def _said(
    rng: random.Random,
    part: Part,
    values: dict[str, Pair],
    asked: Asked | None = None,
    gaps: tuple[str, ...] = (),
) -> Sentence:
    english, german = sentence(rng.choice(PATTERNS[part]), values)
    return Sentence(part, english, german, gaps, asked)


def _clozed(told: Sentence, gaps: Sequence[str]) -> str:
    english = told.english
    for word in told.gaps:
        if word in gaps:
            english = re.sub(rf"\b{word}\b", GAP, english, count=1)
    return english
