"""Says in English what a picture shows: its caption, its class, its things, and answers to questions.

What is said is in the words of the suite's references. Questions are those of the built-in scenes; any other
is answered with `nothing`.
"""

from __future__ import annotations

from autoflow.suites.scenes import Place, Scene, caption, objects, questions
from autoflow.suites.scenes.words import ENGLISH
from autoflow_experts.classic.noun_phrases import noun_phrases


def told(scene: Scene) -> str:
    """The caption."""
    if scene.things:
        return caption(scene)
    return f"{ENGLISH.nothing.capitalize()} {ENGLISH.where[scene.place][0]} {ENGLISH.when[scene.time][0]}."


def classified(place: Place) -> str:
    """The class."""
    return ENGLISH.places[place]


def listed(scene: Scene) -> str:
    """The things from left to right, with commas."""
    return ", ".join(thing.name for thing in objects(scene)) or ENGLISH.nothing


def answered(scene: Scene, question: str) -> str:
    """The answer to a question about a scene."""
    asked = question.strip().casefold()
    for known in questions(scene):
        if known.text.casefold() == asked:
            return known.answer
    return _guess(scene, asked)


def _guess(scene: Scene, asked: str) -> str:
    """The answer where what is asked about was not seen."""
    if asked.startswith("how many"):
        return ENGLISH.numbers[0]
    if asked.startswith("is there"):
        return ENGLISH.no
    # Of several things of a kind the first; of none, whichever was seen.
    kinds = {phrase.kind for phrase in noun_phrases(asked)}
    thing = next((one for one in scene.things if one.kind in kinds), None) or next(iter(scene.things), None)
    if thing and asked.startswith("what colour"):
        return ENGLISH.colours[thing.colour]
    if thing and asked.startswith("how large"):
        return ENGLISH.sizes[thing.size][0]
    return ENGLISH.nothing
