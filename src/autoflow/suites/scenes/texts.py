"""What can be said and asked about a scene: captions, its class, its things, questions with answers.

A caption names everything that words can tell of a scene, so two scenes of different descriptions never share
one; a good wrong answer to "which caption is right?" is therefore simply another scene's caption.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from autoflow.suites.planning import Language
from autoflow.suites.scenes.model import Box, Colour, Kind, Scene, Thing
from autoflow.suites.scenes.words import ENGLISH, LEXICONS, Lexicon, Noun

CAPTIONS = 6
"""How many true captions `captions` gives."""


@dataclass(frozen=True, slots=True)
class NamedBox:
    """A thing's name and where it is."""

    name: str
    """Such as `red ball`, or `roter Ball`."""
    box: Box


@dataclass(frozen=True, slots=True)
class Question:
    """A question about a scene and its one right answer."""

    text: str
    """In English."""
    answer: str


def caption(scene: Scene, language: Language = Language.ENGLISH) -> str:
    """The plain caption: everything from left to right, then where and when, with a full stop."""
    lexicon = LEXICONS[language]
    things = lexicon.joined([_phrase(thing, lexicon) for thing in scene.things])
    where, when = lexicon.where[scene.place][0], lexicon.when[scene.time][0]
    return _sentence(lexicon.patterns[0].format(things=things, where=where, when=when))


def captions(scene: Scene, language: Language = Language.ENGLISH) -> tuple[str, ...]:
    """`CAPTIONS` different true captions: the plain one, then others in other words and orders."""
    rng = random.Random(f"captions {scene.description} {language}")
    found = {caption(scene, language): None}
    while len(found) < CAPTIONS:
        found[paraphrase(scene, rng, language)] = None
    return tuple(found)


def paraphrase(scene: Scene, rng: random.Random, language: Language = Language.ENGLISH) -> str:
    """A true caption in words, and in an order, that `rng` chooses."""
    lexicon = LEXICONS[language]
    phrases = [_phrase(thing, lexicon, rng) for thing in scene.things]
    if len(phrases) > 1 and rng.random() < 0.35:
        backward = rng.random() < 0.3
        pattern = rng.choice(lexicon.backward if backward else lexicon.ordered)
        phrases = phrases[::-1] if backward else phrases
    else:
        pattern = rng.choice(lexicon.patterns)
        rng.shuffle(phrases)
    where, when = rng.choice(lexicon.where[scene.place]), rng.choice(lexicon.when[scene.time])
    return _sentence(pattern.format(things=lexicon.joined(phrases), where=where, when=when))


def label(scene: Scene, language: Language = Language.ENGLISH) -> str:
    """The class of the picture: the name of its place."""
    return LEXICONS[language].places[scene.place]


def objects(scene: Scene, language: Language = Language.ENGLISH) -> tuple[NamedBox, ...]:
    """The things of a scene from left to right."""
    lexicon = LEXICONS[language]
    return tuple(NamedBox(_name(thing, lexicon), thing.box) for thing in scene.things)


def questions(scene: Scene, language: Language = Language.ENGLISH) -> tuple[Question, ...]:
    """Questions in English with answers in a language, always the same for a scene."""
    lexicon = LEXICONS[language]
    rng = random.Random(f"questions {scene.description}")
    asked = [
        Question("Where is this?", lexicon.places[scene.place]),
        Question("What time of day is it?", lexicon.times[scene.time]),
        Question("How many things are there?", lexicon.numbers[len(scene.things)]),
    ]
    for index, thing in enumerate(scene.things):
        alike = sum(other.kind is thing.kind for other in scene.things)
        noun, name = ENGLISH.kinds[thing.kind][0], _name(thing, ENGLISH)
        if alike == 1:
            asked.append(Question(f"What colour is the {noun.one}?", lexicon.colours[thing.colour]))
            asked.append(Question(f"How large is the {noun.one}?", lexicon.sizes[thing.size][0]))
        asked.append(Question(f"How many {noun.many} are there?", lexicon.numbers[alike]))
        left = scene.things[index - 1] if index else None
        right = scene.things[index + 1] if index + 1 < len(scene.things) else None
        for side, other in (("left", left), ("right", right)):
            answer = _indefinite(other, lexicon) if other else lexicon.nothing
            asked.append(Question(f"What is directly {side} of the {name}?", answer))
        asked.append(Question(f"Is there {_indefinite(thing, ENGLISH)}?", lexicon.yes))
    absent = rng.choice(_absent(scene))
    asked.append(Question(f"Is there {ENGLISH.phrase(absent[0], absent[1])}?", lexicon.no))
    return tuple(dict.fromkeys(asked))


def _absent(scene: Scene) -> list[tuple[Noun, str]]:
    present = {(thing.kind, thing.colour) for thing in scene.things}
    return [
        (ENGLISH.kinds[kind][0], ENGLISH.colours[colour])
        for kind in Kind
        for colour in Colour
        if (kind, colour) not in present
    ]


def _phrase(thing: Thing, lexicon: Lexicon, rng: random.Random | None = None) -> str:
    nouns, sizes = lexicon.kinds[thing.kind], lexicon.sizes[thing.size]
    noun, size = (rng.choice(nouns), rng.choice(sizes)) if rng else (nouns[0], sizes[0])
    return lexicon.phrase(noun, size, lexicon.colours[thing.colour])


def _indefinite(thing: Thing, lexicon: Lexicon) -> str:
    return lexicon.phrase(lexicon.kinds[thing.kind][0], lexicon.colours[thing.colour])


def _name(thing: Thing, lexicon: Lexicon) -> str:
    return _indefinite(thing, lexicon).split(" ", 1)[1]


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
