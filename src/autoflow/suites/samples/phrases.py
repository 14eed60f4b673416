"""The sentences of the built-in texts: patterns in two languages whose slots hold the same things.

`PhraseBook` reads such sentences and says them in German, from the tables alone; a gap stays a gap. Left out:
any sentence that is not of a pattern.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from autoflow.suites.samples import words
from autoflow.suites.samples.verdicts import VENUE_ADJECTIVES, VENUES, VERDICTS
from autoflow.suites.samples.words import GAP, Animal, Job, Person

Pair = tuple[str, str]
"""The same in English and in German."""

_SLOT = re.compile(r"{\w+}")


class Part(StrEnum):
    """What a sentence is for."""

    LEAD = "lead"
    """Who visited what, where and when: always the first sentence."""
    WORK = "work"
    WAY = "way"
    WEATHER = "weather"
    COMPANION = "companion"
    VERDICT = "verdict"
    END = "end"
    """How it ended: always the last sentence. With the lead it is the summary."""


PATTERNS: Mapping[Part, tuple[Pair, ...]] = MappingProxyType(
    {
        Part.LEAD: (
            ("{when} {person} visited {venue} in {town}.", "{when} besuchte {person} {venue} in {town}."),
            ("{person} visited {venue} in {town}, {when}.", "{person} besuchte {when} {venue} in {town}."),
        ),
        Part.WORK: (
            ("every day {work}.", "jeden Tag {work}."),
            ("during the week {work}.", "unter der Woche {work}."),
            ("on most days {work}.", "an den meisten Tagen {work}."),
            ("for a living {work}.", "beruflich {work}."),
        ),
        Part.WAY: (
            ("{she} travelled there {way}.", "{she} reiste {way} dorthin."),
            ("{she} got there {way}.", "{she} kam {way} an."),
            ("{way} {she} reached the town before noon.", "{way} erreichte {she} die Stadt vor Mittag."),
        ),
        Part.WEATHER: (
            ("the weather was {weather}.", "das Wetter war {weather}."),
            ("outside it was {weather}.", "draußen war es {weather}."),
            ("all day long it was {weather}.", "den ganzen Tag war es {weather}."),
        ),
        Part.COMPANION: (
            ("{animal} came along.", "{animal} kam mit."),
            ("{animal} was there, too.", "{animal} war auch dabei."),
            ("{animal} could not stay at home.", "{animal} konnte nicht zu Hause bleiben."),
        ),
        Part.VERDICT: (
            ("{thing} was {verdict}.", "{thing} war {verdict}."),
            ("this time {thing} was {verdict}.", "diesmal war {thing} {verdict}."),
            ("on that day {thing} was {verdict}.", "an diesem Tag war {thing} {verdict}."),
            ("in {her} opinion {thing} was {verdict}.", "{her} Meinung nach war {thing} {verdict}."),
        ),
        Part.END: (
            (
                "{later} {she} paid {price} and returned home {way}.",
                "{later} bezahlte {she} {price} und kehrte {way} nach Hause zurück.",
            ),
            (
                "{later} {she} returned home {way}; the visit had cost {price}.",
                "{later} kehrte {she} {way} nach Hause zurück; der Besuch hatte {price} gekostet.",
            ),
            (
                "{she} paid {price} and went home {way} {later}.",
                "{she} bezahlte {price} und kehrte {later} {way} nach Hause zurück.",
            ),
        ),
    }
)


def sentence(pattern: Pair, values: Mapping[str, Pair]) -> Pair:
    """A pattern with its slots filled, as a sentence in both languages."""
    said = [
        text.format_map({slot: pair[index] for slot, pair in values.items()})
        for index, text in enumerate(pattern)
    ]
    english, german = (text[0].upper() + text[1:] for text in said)
    return english, german


def person_phrase(person: Person, job: Job) -> Pair:
    """`Anna, a baker,` and `Anna, eine Bäckerin,`."""
    english, german = job.pair(person)
    return f"{person.name}, a {english},", f"{person.name}, {'eine' if person.female else 'ein'} {german},"


def work_phrase(person: Person, job: Job) -> Pair:
    """`she bakes bread` and, since other words come before it, `backt sie Brot`."""
    she, sie = person.pronoun
    return f"{she} {job.work}", f"{job.verb} {sie} {job.rest}"


def town_phrase(english: str, german: str, country: str, in_german: str) -> Pair:
    """`Vienna, the capital of Austria`."""
    return f"{english}, the capital of {country}", f"{german}, der Hauptstadt von {in_german}"


def animal_phrase(person: Person, animal: Animal) -> Pair:
    """`her dog, which barked at every bus,` and `ihr Hund, der jeden Bus anbellte,`."""
    noun = animal.noun
    german = ("ihr" if person.female else "sein") + ("e" if noun.gender == "f" else "")
    which = noun.definite[1].split()[0]
    return (
        f"{'her' if person.female else 'his'} {noun.english}, which {animal.habit},",
        f"{german} {noun.german}, {which} {animal.german_habit},",
    )


def opinion_phrase(person: Person) -> Pair:
    """The possessive of `in her opinion`."""
    return ("her", "ihrer") if person.female else ("his", "seiner")


def price_phrase(number: Pair) -> Pair:
    """`twelve euros`."""
    return f"{number[0]} euros", f"{number[1]} Euro"


@dataclass(frozen=True, slots=True)
class Reading:
    """A sentence that was understood."""

    part: Part
    german: str


class PhraseBook:
    """Understands the sentences of the built-in texts."""

    def __init__(self) -> None:
        self._slots = {
            slot: {english.lower(): german for english, german in pairs}
            for slot, pairs in _slot_pairs().items()
        }
        self._patterns = [
            (part, re.compile(self._expression(english), re.IGNORECASE), german)
            for part, patterns in PATTERNS.items()
            for english, german in patterns
        ]

    def read(self, english: str) -> Reading | None:
        """Understands one sentence; None where it is of no pattern."""
        for part, expression, german in self._patterns:
            if found := expression.fullmatch(english):
                values = {slot: self._slots[slot][text.lower()] for slot, text in found.groupdict().items()}
                said = german.format_map(values)
                return Reading(part, said[0].upper() + said[1:])
        return None

    def _expression(self, pattern: str) -> str:
        return re.sub(r"\\{(\w+)\\}", self._alternatives, re.escape(pattern))

    def _alternatives(self, slot: re.Match[str]) -> str:
        # The longest first, for "ten" may begin "tent".
        texts = sorted(self._slots[slot[1]], key=len, reverse=True)
        return f"(?P<{slot[1]}>{'|'.join(map(re.escape, texts))})"


def all_pairs() -> Iterator[Pair]:
    """Everything that the texts are put together from, in both languages; patterns without their slots."""
    for pairs in _slot_pairs().values():
        yield from pairs
    for patterns in PATTERNS.values():
        for pattern in patterns:
            english, german = (_SLOT.sub(" ", text) for text in pattern)
            yield english, german


def _slot_pairs() -> Mapping[str, Sequence[Pair]]:
    """What may stand in each slot, also with a gap."""
    some = {person.female: person for person in words.PEOPLE}.values()
    venues, verdicts = VENUES, [one for group in VERDICTS.values() for one in group]
    people = [(person_phrase(person, job), job.pair(person)) for person in words.PEOPLE for job in words.JOBS]
    towns = [(town_phrase(*town), town[:2]) for town in words.TOWNS]
    animals = [
        (animal_phrase(person, animal), (animal.noun.english, animal.noun.german))
        for person in some
        for animal in words.ANIMALS
    ]
    said = [(one.phrase(person), (one.english, one.german)) for person in some for one in verdicts]
    return {
        "person": _with_gaps(people),
        "she": [person.pronoun for person in some],
        "her": [opinion_phrase(person) for person in some],
        "when": words.WHEN,
        "venue": [venue.noun.indefinite(*adjective) for venue in venues for adjective in VENUE_ADJECTIVES],
        "town": _with_gaps(towns),
        "work": [work_phrase(person, job) for person in some for job in words.JOBS],
        "way": words.WAYS,
        "weather": words.WEATHER,
        "animal": _with_gaps(animals),
        "thing": [thing.definite for venue in venues for thing in venue.things.values()],
        "verdict": _with_gaps(said),
        "later": words.LATER,
        "price": [price_phrase(number) for number in words.NUMBERS],
    }


def _with_gaps(pairs: Iterable[tuple[Pair, Pair]]) -> list[Pair]:
    """Phrases, each also with a gap in place of its word."""
    found: dict[Pair, None] = {}
    for phrase, (english, german) in pairs:
        found[phrase] = None
        found[phrase[0].replace(english, GAP, 1), phrase[1].replace(german, GAP, 1)] = None
    return list(found)
