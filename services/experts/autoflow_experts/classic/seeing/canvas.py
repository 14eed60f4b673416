"""How a picture is laid before the eye: always in one size, and never enlarged.

A larger picture is reduced to its pixels at even distances; a smaller one lies in the middle of a grey
ground, as detectors have it that were trained on pictures of one size. To enlarge is another tool's work.
"""

from __future__ import annotations

import cv2
import numpy as np

from autoflow_experts.pictures import Floats, Pixels

SIDE = 128
"""Pixels of the canvas, in width and in height: the size in which the suite's scenes are drawn."""
_GROUND = 114


def laid_out(pixels: Pixels) -> Floats:
    """The canvas with a picture, [SIDE, SIDE, 3], 0 to 255."""
    height, width = (min(side, SIDE) for side in pixels.shape[:2])
    shown = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_NEAREST)
    canvas = np.full((SIDE, SIDE, 3), _GROUND, np.float32)
    top, left = (SIDE - height) // 2, (SIDE - width) // 2
    canvas[top : top + height, left : left + width] = shown
    return canvas
