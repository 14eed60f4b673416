"""Texts that tell all that words can tell of a scene, with clues for what may be left out."""

from __future__ import annotations

import random
from dataclasses import dataclass

from autoflow.suites.planning import Language
from autoflow.suites.samples.words import COLOUR_CLUES, GAP, KIND_CLUES
from autoflow.suites.scenes import Scene, Thing
from autoflow.suites.scenes.words import LEXICONS

_OPENINGS = (
    "We are {where} {when}.",
    "The scene is set {where} {when}.",
    "Imagine that you are {where} {when}.",
    "All of this is {where} {when}.",
)
_ALONE = ("There is {thing}.", "One can see {thing}.", "In front of us is {thing}.")
_LEFTMOST = (
    "On the left there is {thing}.",
    "Farthest to the left is {thing}.",
    "The first from the left is {thing}.",
)
_FURTHER = (
    "To the right of it there is {thing}.",
    "Next to it, on the right, is {thing}.",
    "Then comes {thing}.",
)
_CLOSINGS = ("Nothing else is to be seen.", "That is all there is.", "Nobody is there.")


@dataclass(frozen=True, slots=True)
class SceneText:
    """A description of a scene."""

    complete: str
    clozed: str
    """With one gap for every thing, in place of its colour or of its name."""


def scene_text(shown: Scene, rng: random.Random) -> SceneText:
    """Describes a scene in words that `rng` chooses, its things from left to right."""
    lexicon = LEXICONS[Language.ENGLISH]
    where, when = rng.choice(lexicon.where[shown.place]), rng.choice(lexicon.when[shown.time])
    opening, closing = rng.choice(_OPENINGS).format(where=where, when=when), rng.choice(_CLOSINGS)
    complete, clozed = [opening], [opening]
    for index, thing in enumerate(shown.things):
        frame = rng.choice(_FURTHER if index else _LEFTMOST if len(shown.things) > 1 else _ALONE)
        whole, gapped = _phrases(thing, by_colour=rng.random() < 0.5)
        complete.append(frame.format(thing=whole))
        clozed.append(frame.format(thing=gapped))
    return SceneText(" ".join([*complete, closing]), " ".join([*clozed, closing]))


def _phrases(thing: Thing, by_colour: bool) -> tuple[str, str]:
    lexicon = LEXICONS[Language.ENGLISH]
    size, colour, noun = (
        lexicon.sizes[thing.size][0],
        lexicon.colours[thing.colour],
        lexicon.kinds[thing.kind][0].one,
    )
    if by_colour:
        clue = COLOUR_CLUES[thing.colour]
        return f"a {size} {colour} {noun}, {clue}", f"a {size} {GAP} {noun}, {clue}"
    clue = KIND_CLUES[thing.kind]
    return f"a {size} {colour} {noun}, {clue}", f"a {size} {colour} {GAP}, {clue}"
