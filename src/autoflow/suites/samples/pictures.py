"""Samples of tasks that give a picture: a drawn scene, spoilt by the task's faults, and what is wanted of it.

Of a picture that lost its colours every thing differs in lightness from what is beside it: a purple ball by
night cannot be told from the night, however well the picture is mended.

Left out: questions with yes, no or nothing as their answer, which are guessed too easily.
"""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterator
from types import MappingProxyType
from typing import Any

import numpy as np
from PIL import Image

from autoflow.suites.model import Content, Sample, Split
from autoflow.suites.planning import Combination, Fault, Language, Source, Wanted
from autoflow.suites.samples.allotment import dice, split_of
from autoflow.suites.samples.faults import spoilt
from autoflow.suites.scenes import (
    Box,
    Scene,
    caption,
    draw,
    label,
    objects,
    questions,
    scene,
)

_CONTRAST = 25.0
"""Levels of lightness by which, on average, a thing differs from what is beside it."""
_BESIDE = 4
"""Pixels to its left, and to its right."""
_GUESSED = frozenset({"yes", "no", "nothing"})
_OF_COLOUR = "What colour "


def scene_for(split: Split, combination: str, number: int) -> Scene:
    """The scene of a combination's sample, of those that the split may show."""
    return next(_scenes_for(split, combination, number))


def picture_sample(combination: Combination, split: Split, number: int) -> Sample:
    """One sample of a task that gives a picture.

    Args:
        combination: what the task gives and wants; seeds everything.
        split: of the combination.
        number: of the sample, from 0.
    """
    shown, clean = _to_be_seen(split, combination, number)
    rng = dice("picture", combination.id, number)
    given = png(spoilt(clean, combination.faults, rng.getrandbits(32)))
    language = combination.language or Language.ENGLISH
    if combination.source is Source.IMAGE_AND_QUESTION:
        question, answer = _asked(shown, combination, number, rng)
        return Sample((given, question), answer)
    if combination.wanted is Wanted.RESTORED_IMAGE:
        return Sample((given,), png(clean))
    return Sample((given,), _TOLD[combination.wanted](shown, language))


def _scenes_for(split: Split, combination: str, number: int) -> Iterator[Scene]:
    rng = dice("scene", combination, number)
    while True:
        drawn = scene(rng.getrandbits(48))
        if split_of(drawn.description) is split:
            yield drawn


def _to_be_seen(split: Split, combination: Combination, number: int) -> tuple[Scene, Image.Image]:
    """A sample's scene and its picture; where colours go, one whose things stand out without them."""
    drawn = ((shown, draw(shown)) for shown in _scenes_for(split, combination.id, number))
    if Fault.GRAYSCALE not in combination.faults:
        return next(drawn)
    return next((shown, clean) for shown, clean in drawn if stands_out(shown, clean))


def stands_out(shown: Scene, picture: Image.Image) -> bool:
    """Whether every thing can be told by lightness from what is left and right of it."""
    light = np.asarray(picture.convert("L"), np.float32)
    return all(_contrast(thing.box, light) >= _CONTRAST for thing in shown.things)


def _contrast(box: Box, light: np.ndarray[Any, np.dtype[np.float32]]) -> float:
    height, width = light.shape
    left, right = round(box.left * width), round(box.right * width)
    rows = light[max(0, round(box.top * height)) : round(box.bottom * height)]
    beside = [rows[:, max(0, left - _BESIDE) : max(1, left)], rows[:, right : right + _BESIDE]]
    behind = np.concatenate(beside, axis=1).mean(axis=1, keepdims=True)
    return float(np.abs(rows[:, max(0, left) : right] - behind).mean())


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


def _asked(shown: Scene, combination: Combination, number: int, rng: random.Random) -> tuple[str, str]:
    """A question and its answer; of pictures that lost their colours every other one asks for a colour."""
    english = questions(shown)
    told = questions(shown, combination.language or Language.ENGLISH)
    fit = [
        (ours.text, theirs.answer)
        for ours, theirs in zip(english, told, strict=True)
        if ours.answer not in _GUESSED
    ]
    if Fault.GRAYSCALE in combination.faults:
        # Where no kind occurs once there is no such question.
        fit = [pair for pair in fit if pair[0].startswith(_OF_COLOUR) is (number % 2 == 0)] or fit
    return rng.choice(fit)
