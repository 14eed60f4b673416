"""Tells where and when a picture is, from its colours and details at each height.

The features of every place at every time are those of backgrounds drawn from seeds of their own. A picture
belongs to the class whose features are nearest, in deviations. Details are what changes from pixel to pixel,
in full size and in half of it, so a picture with noise, or without sharp edges, is often taken for another
place, as by a network that never saw any. Where only lightness is to be had, it counts more, and what noise
or blur left of details less.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import cv2
import numpy as np

from autoflow.suites.scenes import Place, Time
from autoflow.suites.scenes.places import SKIES, draw_place
from autoflow_experts.classic.seeing.canvas import SIDE
from autoflow_experts.pictures import Floats

BANDS = 16
"""Horizontal bands of the canvas."""
_DRAWN = 8
"""Backgrounds of each class."""
_DETAILS = (8, 16, 32, 64)
"""Levels by which a pixel differs from its four neighbours together, at weak to strong details."""
_MOST = 60.0
"""Deviations, beyond which a feature counts no more."""
_SKY = 14.0
"""Levels by which a pixel of the sky may differ from its colour."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A place at a time."""

    place: Place
    time: Time


@dataclass(frozen=True, slots=True)
class Senses:
    """What counts how much."""

    lightness: float
    """Levels, the least deviation of a band's lightness."""
    colours: float | None
    """The weight of a deviation of colours; of lightness it is 1. None: colours are ignored."""
    details: float
    """The weight of a deviation of details."""
    least_details: float
    """The least deviation of details, which are the root of a share."""


IN_COLOUR = Senses(lightness=12.0, colours=4.0, details=4.0, least_details=0.05)
OF_LIGHTNESS = Senses(lightness=6.0, colours=None, details=0.25, least_details=0.2)
_CHROMA = 2.0
"""Levels, the least deviation of a band's colour."""


class Settings:
    """All places at all times.

    Args:
        backgrounds: what they look like.
        senses: how they are told apart.
    """

    def __init__(self, backgrounds: dict[Setting, list[Floats]], senses: Senses) -> None:
        self._senses = senses
        self._names = list(backgrounds)
        features = np.array([[self._features(one) for one in drawn] for drawn in backgrounds.values()])
        self._weights, least = self._weighted(features.shape[2])
        self._means = features.mean(axis=1)
        self._deviations = np.sqrt(features.var(axis=1) + least**2)

    def nearest(self, canvas: Floats) -> Setting:
        """Where and when a picture is.

        Args:
            canvas: [SIDE, SIDE, 3].
        """
        apart = np.minimum(np.abs(self._features(canvas) - self._means) / self._deviations, _MOST)
        found = self._names[int((apart @ self._weights).argmin())]
        if found.place is Place.ROOM and self._senses.colours is not None:
            return Setting(Place.ROOM, _through_the_window(canvas))
        return found

    def _features(self, canvas: Floats) -> Floats:
        colours = cv2.cvtColor(canvas / 255, cv2.COLOR_RGB2YCrCb) * 255
        channels = colours[..., :1] if self._senses.colours is None else colours
        medians = [np.median(channels[..., i].reshape(BANDS, -1), axis=1) for i in range(channels.shape[2])]
        size = (SIDE // 2, SIDE // 2)
        half = np.asarray(cv2.resize(canvas, size, interpolation=cv2.INTER_AREA), np.float32)
        return np.concatenate([*medians, *_details(canvas), *_details(half)]).astype(np.float32)

    def _weighted(self, number: int) -> tuple[Floats, Floats]:
        """The weight of each feature, and its least deviation."""
        senses = self._senses
        kinds = [(1.0, senses.lightness)] * BANDS
        kinds += [] if senses.colours is None else [(senses.colours, _CHROMA)] * (2 * BANDS)
        kinds += [(senses.details, senses.least_details)] * (number - len(kinds))
        weights, least = np.array(kinds, np.float32).T
        return weights, least


def _details(canvas: Floats) -> Iterator[Floats]:
    """The root of the share of each band's pixels that are details, for each strength of details."""
    apart = np.abs(cv2.Laplacian(canvas, -1)).mean(axis=2)
    for step in _DETAILS:
        yield np.sqrt((apart > step).reshape(BANDS, -1).mean(axis=1))


def _through_the_window(canvas: Floats) -> Time:
    """The hour whose sky has the most pixels; a room's own light is always the same."""
    upper = canvas[: SIDE // 2]

    def seen(time: Time) -> int:
        overhead, low = (np.array(colour, np.float32) for colour in SKIES[time])
        share = np.clip(((upper - overhead) @ (low - overhead)) / ((low - overhead) @ (low - overhead)), 0, 1)
        apart = np.abs(upper - overhead - share[..., None] * (low - overhead)).max(axis=2)
        return int((apart < _SKY).sum())

    return max(Time, key=seen)


def draw_backgrounds() -> dict[Setting, list[Floats]]:
    """Backgrounds of each place and time, the same every time; takes some seconds."""
    return {
        Setting(place, time): [
            np.asarray(
                draw_place(place, time, SIDE, SIDE, np.random.default_rng([number, index])), np.float32
            )
            for index in range(_DRAWN)
        ]
        for number, (place, time) in enumerate(product(Place, Time))
    }
