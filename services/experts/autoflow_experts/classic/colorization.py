"""Gives a grey picture colours: of the recognised place at each height and lightness, and of its things.

The lightness stays. Where nothing is recognised, the colours are those of the likeliest place.
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from autoflow_experts.classic.seeing.canvas import SIDE
from autoflow_experts.classic.seeing.eye import Eye
from autoflow_experts.classic.seeing.places import BANDS, Setting
from autoflow_experts.experts import Unusable
from autoflow_experts.pictures import Floats, Pixels, rounded

_LEVELS = 16
"""Steps of lightness."""
_COLOURLESS = 12.0
"""Levels between the lightest and the darkest channel; a grey picture with noise has half of it."""


class Colorizer:
    """Colours pictures.

    Args:
        eye: recognises what is in them.
    """

    def __init__(self, eye: Eye) -> None:
        self._eye = eye
        self._tables: dict[Setting, Floats] = {}

    def colour(self, pixels: Pixels) -> Pixels:
        """The picture in colours, of its size.

        Raises:
            Unusable: it has colours.
        """
        if _has_colours(pixels):
            raise Unusable("the picture has colours already")
        height, width = pixels.shape[:2]
        lightness = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
        canvas = np.asarray(cv2.resize(lightness, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR), np.float32)
        chroma = self._chroma(canvas)
        whole = cv2.resize(chroma, (width, height), interpolation=cv2.INTER_LINEAR)
        coloured = np.dstack([lightness.astype(np.float32), whole]) / np.float32(255)
        return rounded(np.asarray(cv2.cvtColor(coloured, cv2.COLOR_YCrCb2RGB) * 255, np.float32))

    def _chroma(self, canvas: Floats) -> Floats:
        """Red and blue differences, [SIDE, SIDE, 2]."""
        setting, sightings = self._eye.look_at_lightness(np.repeat(canvas[..., None], 3, axis=2))
        table = self._table(setting)
        bands = np.arange(SIDE) * BANDS // SIDE
        spotted = table[bands[:, None], canvas.astype(int) * _LEVELS // 256]
        chroma = np.asarray(cv2.blur(spotted, (3, 3)), np.float32)
        for one in sightings:
            known = self._eye.memory().templates.of(one.thing.kind, one.thing.colour, one.extent)[one.variant]
            height, width = known.pixels.shape[:2]
            own = _ycrcb(known.pixels)[..., 1:]
            place = chroma[one.top : one.top + height, one.left : one.left + width]
            np.copyto(place, own, where=known.mask[..., None] > 0)
        return chroma

    def _table(self, setting: Setting) -> Floats:
        """The chroma at each height and lightness of a place, [BANDS, _LEVELS, 2]."""
        if setting not in self._tables:
            self._tables[setting] = _means(self._eye.memory().backgrounds, setting)
        return self._tables[setting]


def _has_colours(pixels: Pixels) -> bool:
    """Whether a picture has colours other than noise."""
    smooth = cv2.blur(pixels, (7, 7)).astype(np.float32)
    return float((smooth.max(axis=2) - smooth.min(axis=2)).mean()) > _COLOURLESS


def _means(backgrounds: Mapping[Setting, list[Floats]], setting: Setting) -> Floats:
    stacked = np.stack([_ycrcb(one) for one in backgrounds[setting]])
    bands = stacked.reshape(len(stacked), BANDS, -1, 3).swapaxes(0, 1).reshape(BANDS, -1, 3)
    table = np.empty((BANDS, _LEVELS, 2), np.float32)
    for band, pixels in enumerate(bands):
        levels = np.clip(pixels[:, 0], 0, 255).astype(int) * _LEVELS // 256
        counts = np.bincount(levels, minlength=_LEVELS)
        for channel in (0, 1):
            sums = np.bincount(levels, weights=pixels[:, channel + 1], minlength=_LEVELS)
            # A lightness that is rare there takes the colour of the whole band.
            table[band, :, channel] = (sums + 4 * pixels[:, channel + 1].mean()) / (counts + 4)
    return table


def _ycrcb(pixels: Floats) -> Floats:
    return np.asarray(cv2.cvtColor(pixels / np.float32(255), cv2.COLOR_RGB2YCrCb) * 255, np.float32)
