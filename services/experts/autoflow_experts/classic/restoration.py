"""Mends pictures: noise, blur, low resolution.

Each of these assumes its fault, in the strength that the suite `planning` has it, as a network that was
trained on such pictures does; a picture without the fault comes out worse than it went in.
"""

from __future__ import annotations

import cv2
import numpy as np
from skimage.restoration import denoise_nl_means

from autoflow_experts.classic.pictures import Floats, Pixels, rounded
from autoflow_experts.experts import Unusable

NOISE = 22.0
"""The noise's deviation, of 255."""
BLUR = 0.018
"""The blur's deviation, as a share of the picture's width."""
ENLARGEMENT = 4
"""How much wider and higher a picture becomes."""
MAX_PIXELS = 4_194_304
"""Of an enlarged picture."""
_ROUNDS = 40
_CAREFUL_ROUNDS = 7
"""Of deconvolution: many for a picture that is only blurred; few where they would bring out what noise, or a
low resolution, left."""
_GRAIN = 0.3
"""The deviation of noise, of 255, from which a picture is more than blurred."""


_SPOTTED, _ENLARGED = 1.0, 0.35
"""Levels by which an enlarged picture, with noise or without, differs on average from itself reduced and
enlarged again."""


def denoised(pixels: Pixels) -> Pixels:
    """Non-local means (Buades et al. 2005): averages patches that look alike.

    The noise of a picture that was enlarged afterwards has become spots; it is taken from the small picture.
    """
    if _lost_by_reduction(pixels) < _SPOTTED:
        return enlarged(_denoised(rounded(_reduced(pixels))))
    return _denoised(pixels)


def deblurred(pixels: Pixels) -> Pixels:
    """Richardson-Lucy deconvolution, accelerated (Biggs and Andrews 1997), then sharper edges."""
    sigma = BLUR * pixels.shape[1]
    seen = pixels.astype(np.float32) + 1
    guess = before = seen
    step = last_step = np.zeros_like(seen)
    pace = 0.0
    only_blurred = _lost_by_reduction(pixels) > _ENLARGED and _grain(seen) < _GRAIN
    for _ in range(_ROUNDS if only_blurred else _CAREFUL_ROUNDS):
        ahead = np.clip(guess + pace * (guess - before), 0.01, 300)
        before, guess = guess, ahead * _blurred(seen / np.maximum(_blurred(ahead, sigma), 1e-3), sigma)
        last_step, step = step, guess - ahead
        pace = float(np.clip((step * last_step).sum() / ((last_step * last_step).sum() + 1e-6), 0, 0.98))
    return rounded(_sharpened(guess - 1))


def enlarged(pixels: Pixels) -> Pixels:
    """Cubic interpolation with iterative back-projection (Irani and Peleg 1991).

    The result, averaged over squares, is nearly the picture that it was made from.

    Raises:
        Unusable: the result would have more than `MAX_PIXELS`.
    """
    height, width = (side * ENLARGEMENT for side in pixels.shape[:2])
    if width * height > MAX_PIXELS:
        raise Unusable(f"enlarged it would have {width} x {height} pixels, but at most {MAX_PIXELS} are made")
    return rounded(_enlarged(pixels.astype(np.float32)))


def _denoised(pixels: Pixels) -> Pixels:
    sigma = NOISE / 255
    mended = denoise_nl_means(
        pixels / np.float32(255), patch_size=5, patch_distance=6, h=0.6 * sigma, sigma=sigma, channel_axis=-1
    )
    return rounded(mended * 255)


def _enlarged(small: Floats) -> Floats:
    height, width = small.shape[:2]
    size = width * ENLARGEMENT, height * ENLARGEMENT
    guess = cv2.resize(small, size, interpolation=cv2.INTER_CUBIC)
    for _ in range(3):
        missing = small - cv2.resize(guess, (width, height), interpolation=cv2.INTER_AREA)
        guess = guess + cv2.resize(missing, size, interpolation=cv2.INTER_CUBIC)
    return np.asarray(guess, np.float32)


def _lost_by_reduction(pixels: Pixels) -> float:
    if min(pixels.shape[:2]) < 8 * ENLARGEMENT or any(side % ENLARGEMENT for side in pixels.shape[:2]):
        return float("inf")
    return float(np.abs(_enlarged(_reduced(pixels)) - pixels).mean())


def _grain(values: Floats) -> float:
    """The deviation of noise (Immerkaer 1996)."""
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    return float(np.abs(cv2.filter2D(values.mean(axis=2), -1, kernel)).mean() * np.sqrt(np.pi / 2) / 6)


def _reduced(pixels: Pixels) -> Floats:
    height, width = (side // ENLARGEMENT for side in pixels.shape[:2])
    return np.asarray(
        cv2.resize(pixels.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA), np.float32
    )


def _sharpened(values: Floats) -> Floats:
    """A shock filter (Osher and Rudin 1990): on each side of an edge, towards that side's extreme."""
    square = np.ones((3, 3), np.uint8)
    for _ in range(3):
        smooth = _blurred(values.mean(axis=2), 1.0)
        across, down = cv2.Sobel(smooth, -1, 1, 0) / 8, cv2.Sobel(smooth, -1, 0, 1) / 8
        bend = (
            cv2.Sobel(smooth, -1, 2, 0) / 4 * across**2
            + cv2.Sobel(smooth, -1, 1, 1) / 2 * across * down
            + cv2.Sobel(smooth, -1, 0, 2) / 4 * down**2
        )
        inside = np.tanh(bend / (across**2 + down**2 + 1e-3))[..., None]
        to_light, to_dark = cv2.dilate(values, square) - values, values - cv2.erode(values, square)
        values = values - 0.3 * inside * np.where(inside < 0, to_light, to_dark)
    return values


def _blurred(values: Floats, sigma: float) -> Floats:
    return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_REFLECT))
