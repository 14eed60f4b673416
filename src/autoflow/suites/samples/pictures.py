"""Samples of tasks that give a picture: a drawn scene, spoilt by the task's faults, and what is wanted of it.

Left out: questions with yes, no or nothing as their answer, which are guessed too easily.
"""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from types import MappingProxyType

from PIL import Image

from autoflow.suites.model import Content, Sample, Split
from autoflow.suites.planning import Combination, Fault, Language, Source, Wanted
from autoflow.suites.samples.allotment import dice, split_of
from autoflow.suites.scenes import (
    Scene,
    caption,
    degrade,
    draw,
    label,
    objects,
    questions,
    scene,
)

_GUESSED = frozenset({"yes", "no", "nothing"})
_OF_COLOUR = "What colour "


def scene_for(split: Split, combination: str, number: int) -> Scene:
    """The scene of a combination's sample, of those that the split may show."""
    rng = dice("scene", combination, number)
    while split_of((drawn := scene(rng.getrandbits(48))).description) is not split:
        pass
    return drawn


def picture_sample(combination: Combination, split: Split, number: int) -> Sample:
    """One sample of a task that gives a picture.

    Args:
        combination: what the task gives and wants; seeds everything.
        split: of the combination.
        number: of the sample, from 0.
    """
    shown = scene_for(split, combination.id, number)
    rng = dice("picture", combination.id, number)
    clean = draw(shown)
    given = png(degrade(clean, combination.faults, rng.getrandbits(32)))
    language = combination.language or Language.ENGLISH
    if combination.source is Source.IMAGE_AND_QUESTION:
        question, answer = _asked(shown, combination, rng)
        return Sample((given, question), answer)
    if combination.wanted is Wanted.RESTORED_IMAGE:
        return Sample((given,), png(clean))
    return Sample((given,), _TOLD[combination.wanted](shown, language))


def png(picture: Image.Image) -> bytes:
    """A picture's file. Equal pixels give equal bytes with equal versions of Pillow."""
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def object_list(shown: Scene, language: Language) -> str:
    """The names of a scene's things from left to right, with commas."""
    return ", ".join(thing.name for thing in objects(shown, language))


_TOLD: MappingProxyType[Wanted, Callable[[Scene, Language], Content]] = MappingProxyType(
    {Wanted.CAPTION: caption, Wanted.CLASS: label, Wanted.OBJECTS: object_list}
)


def _asked(shown: Scene, combination: Combination, rng: random.Random) -> tuple[str, str]:
    """A question and its answer; of a picture that lost its colours every other one asks for a colour."""
    english = questions(shown)
    told = questions(shown, combination.language or Language.ENGLISH)
    fit = [
        (ours.text, theirs.answer)
        for ours, theirs in zip(english, told, strict=True)
        if ours.answer not in _GUESSED
    ]
    of_colour = [pair for pair in fit if pair[0].startswith(_OF_COLOUR)]
    if Fault.GRAYSCALE in combination.faults and of_colour and rng.random() < 0.5:
        return rng.choice(of_colour)
    return rng.choice(fit)
