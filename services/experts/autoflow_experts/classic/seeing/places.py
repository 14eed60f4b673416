"""Tells where and when a picture is, from its colours and edges at each height.

The features of every place at every time are those of backgrounds drawn from seeds of their own. A picture
belongs to the class whose features are nearest, in deviations. Edges count as much as colours, so a picture
with noise, or without sharp edges, is often taken for another place, as by a network that never saw any.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import cv2
import numpy as np

from autoflow.suites.scenes import Place, Time
from autoflow.suites.scenes.places import SKIES, draw_place
from autoflow_experts.classic.pictures import Floats
from autoflow_experts.classic.seeing.canvas import SIDE

BANDS = 16
"""Horizontal bands of the canvas."""
_DRAWN = 8
"""Backgrounds of each class."""
_STEPS = (8, 16, 32)
"""Levels by which neighbouring pixels differ at weak, plain and strong edges."""
_LIGHTNESS, _CHROMA, _EDGES = 12.0, 2.0, 0.05
"""The least deviations, of one level or of the root of a share."""
_EDGE_WEIGHT = 2.0
_SKY = 14.0
"""Levels by which a pixel of the sky may differ from its colour."""
_MOST = 8.0
"""Deviations, beyond which a feature counts no more."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A place at a time."""

    place: Place
    time: Time


class Settings:
    """All places at all times.

    Args:
        grey: whether colours are ignored.
    """

    def __init__(self, backgrounds: dict[Setting, list[Floats]], grey: bool = False) -> None:
        self._grey = grey
        self._names = list(backgrounds)
        features = np.array([[self._features(one) for one in drawn] for drawn in backgrounds.values()])
        least = _least_deviations(features.shape[2], grey)
        self._means = features.mean(axis=1)
        self._deviations = np.sqrt(features.var(axis=1) + least**2)

    def nearest(self, canvas: Floats) -> Setting:
        """Where and when a picture is.

        Args:
            canvas: [SIDE, SIDE, 3].
        """
        apart = np.minimum(np.abs(self._features(canvas) - self._means) / self._deviations, _MOST)
        apart[:, BANDS * (1 if self._grey else 3) :] *= _EDGE_WEIGHT
        found = self._names[int(apart.sum(axis=1).argmin())]
        if found.place is Place.ROOM and not self._grey:
            return Setting(Place.ROOM, _through_the_window(canvas))
        return found

    def _features(self, canvas: Floats) -> Floats:
        colours = cv2.cvtColor(canvas / 255, cv2.COLOR_RGB2YCrCb) * 255
        channels = colours[..., :1] if self._grey else colours
        medians = [np.median(channels[..., i].reshape(BANDS, -1), axis=1) for i in range(channels.shape[2])]
        edges = []
        for axis in (0, 1):
            steps = np.abs(np.diff(canvas, axis=axis, append=np.take(canvas, [-1], axis))).mean(axis=2)
            edges += [np.sqrt((steps > step).reshape(BANDS, -1).mean(axis=1)) for step in _STEPS]
        return np.concatenate([*medians, *edges]).astype(np.float32)


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


def _least_deviations(number: int, grey: bool) -> Floats:
    colours = [_LIGHTNESS] * BANDS + ([] if grey else [_CHROMA] * (2 * BANDS))
    return np.array(colours + [_EDGES] * (number - len(colours)), np.float32)
