"""Drawn scenes: pictures of which everything is known, made from a seed.

A scene is a place at a time with one to four things. It can be drawn, described in English and German, asked
about, and spoilt in the ways that the suite `planning` mends. Needs the extra `scenes` (Pillow, NumPy).
"""

from __future__ import annotations

from autoflow.suites.scenes.drawing import SIZE, degrade, draw, lightly_degraded
from autoflow.suites.scenes.model import (
    Attribute,
    Box,
    Colour,
    Kind,
    Place,
    Purpose,
    Scene,
    Size,
    Thing,
    Time,
    near_miss,
    scene,
)
from autoflow.suites.scenes.texts import (
    CAPTIONS,
    NamedBox,
    Question,
    caption,
    captions,
    label,
    objects,
    paraphrase,
    questions,
)

__all__ = [
    "CAPTIONS",
    "SIZE",
    "Attribute",
    "Box",
    "Colour",
    "Kind",
    "NamedBox",
    "Place",
    "Purpose",
    "Question",
    "Scene",
    "Size",
    "Thing",
    "Time",
    "caption",
    "captions",
    "degrade",
    "draw",
    "label",
    "lightly_degraded",
    "near_miss",
    "objects",
    "paraphrase",
    "questions",
    "scene",
]
