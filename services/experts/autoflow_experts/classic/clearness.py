"""How clear a picture is, or a part of it: how sharp its edges are, and how much noise lies over it."""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np

from autoflow_experts.pictures import Floats, Pixels

Part: TypeAlias = tuple[slice, slice]
"""Rows and columns."""
WHOLE: Part = (slice(None), slice(None))

_STRONG = 50.0
"""Levels across an edge that tells how sharp a picture is."""
_AROUND = 7
"""Pixels across which an edge is looked at."""
_FEW = 8
"""Pixels on strong edges that tell nothing yet."""


class Clearness:
    """The clearness of one picture.

    Args:
        picture: [height, width, channels], 0 to 255.
    """

    def __init__(self, picture: Pixels | Floats) -> None:
        values = picture.astype(np.float32)
        around = np.ones((_AROUND, _AROUND), np.uint8)
        across = (cv2.dilate(values, around) - cv2.erode(values, around)).reshape(values.shape)
        steps = [np.abs(np.diff(values, axis=axis, append=np.take(values, [-1], axis))) for axis in (0, 1)]
        self._strong = across > _STRONG
        self._sharpness = np.maximum(*steps) / np.maximum(across, 1)
        light = values.mean(axis=2)
        self._diagonal = np.abs(light[:-1, :-1] - light[1:, :-1] - light[:-1, 1:] + light[1:, 1:]) / 2

    def sharpness(self, percentile: float, part: Part = WHOLE) -> float | None:
        """The share of a strong edge that lies between two pixels; None where no edge is strong.

        Args:
            percentile: of all pixels on strong edges. Noise looks like the sharpest of them.
            part: where to look.
        """
        sharpness = self._sharpness[part][self._strong[part]]
        return float(np.percentile(sharpness, percentile)) if sharpness.size > _FEW else None

    def noise(self, part: Part = WHOLE) -> float:
        """The deviation of noise in lightness, by the median of diagonal differences; 0 for a single pixel.

        Donoho and Johnstone, Ideal spatial adaptation by wavelet shrinkage (1994).
        """
        diagonal = self._diagonal[part]
        return float(np.median(diagonal)) / 0.6745 if diagonal.size else 0.0
