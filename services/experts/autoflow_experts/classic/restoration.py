"""Mends pictures: noise, blur, low resolution.

Each of these assumes its fault, in the strength that the suite `planning` has it, as a network does that was
trained on such pictures, and refuses a picture that clearly does not have it. What others left is taken into
account: noise is not sharpened, and noise that was enlarged is taken from the small picture.

Left out: faults of other strengths, which are mended in part only.
"""

from __future__ import annotations

import cv2
import numpy as np
from skimage.restoration import denoise_nl_means

from autoflow.suites.planning import Fault
from autoflow.suites.samples.faults import STRENGTHS
from autoflow_experts.classic.clearness import Clearness
from autoflow_experts.experts import Unusable
from autoflow_experts.pictures import Floats, Pixels, rounded

NOISE = 22.0 * STRENGTHS[Fault.NOISE]
"""The noise's deviation, of 255."""
BLUR = 0.018 * STRENGTHS[Fault.BLUR]
"""The blur's deviation, as a share of the picture's width."""
ENLARGEMENT = 2
"""How much wider and higher a picture becomes."""
LARGEST = 96
"""The width and height of pictures that are enlarged at most."""

_ROUNDS, _CAREFUL_ROUNDS = 40, 10
"""Of deconvolution: many for a picture that is only blurred; few where they would bring out what noise, or a
low resolution, left."""
_GRAIN = 0.3
"""The deviation of noise, of 255, from which a picture is more than blurred."""
_NOISY = 2.4
"""The deviation of noise in lightness from which a picture has noise; clear ones have 1.6 at most."""
_SHARP, _SHARP_IF_SMALL = 0.355, 0.5
"""The share of a strong edge that lies between two pixels in a picture that is not blurred."""
_SHARPEST = 95.0
_SPOTTED, _ENLARGED = 2.0, 0.35
"""Levels by which an enlarged picture, with noise or without, differs on average from itself reduced and
enlarged again."""


def denoised(pixels: Pixels) -> Pixels:
    """Non-local means (Buades et al. 2005): averages patches that look alike.

    The noise of a picture that was enlarged afterwards has become spots; it is taken from the small picture.

    Raises:
        Unusable: the picture has no noise.
    """
    if not _is_noisy(pixels):
        raise Unusable("the picture has no noise that could be removed")
    return rounded(_cleared(pixels))


def deblurred(pixels: Pixels) -> Pixels:
    """Richardson-Lucy deconvolution, accelerated (Biggs and Andrews 1997), then sharper edges.

    Noise stays as it is: what is under it is sharpened, and then it is added again.

    Raises:
        Unusable: the picture is sharp.
    """
    clear = _cleared(pixels) if _is_noisy(pixels) else pixels.astype(np.float32)
    if _is_sharp(clear):
        raise Unusable("the picture is not blurred")
    return rounded(_deblurred(clear) + (pixels - clear))


def enlarged(pixels: Pixels) -> Pixels:
    """Cubic interpolation with iterative back-projection (Irani and Peleg 1991).

    The result, averaged over squares, is nearly the picture that it was made from.

    Raises:
        Unusable: the picture is large already.
    """
    height, width = pixels.shape[:2]
    if max(height, width) > LARGEST:
        raise Unusable(
            f"the picture has {width} x {height} pixels already; at most {LARGEST} x {LARGEST} are enlarged"
        )
    return rounded(_enlarged(pixels.astype(np.float32)))


def _is_noisy(pixels: Pixels) -> bool:
    return Clearness(pixels).noise() > _NOISY


def _is_sharp(values: Floats) -> bool:
    """Whether a picture is certainly not blurred."""
    sharpness = Clearness(values).sharpness(_SHARPEST)
    return sharpness is not None and sharpness > (
        _SHARP if max(values.shape[:2]) > LARGEST else _SHARP_IF_SMALL
    )


def _cleared(pixels: Pixels) -> Floats:
    """A picture without its noise, also where that was enlarged."""
    if _lost_by_reduction(pixels) < _SPOTTED:
        return _enlarged(_averaged(_reduced(pixels)))
    return _averaged(pixels.astype(np.float32))


def _averaged(values: Floats) -> Floats:
    sigma = NOISE / 255
    mended = denoise_nl_means(
        values / np.float32(255), patch_size=5, patch_distance=6, h=0.6 * sigma, sigma=sigma, channel_axis=-1
    )
    return np.asarray(mended * 255, np.float32)


def _deblurred(values: Floats) -> Floats:
    sigma = BLUR * values.shape[1]
    seen = values + 1
    guess = before = seen
    step = last_step = np.zeros_like(seen)
    pace = 0.0
    only_blurred = _lost_by_reduction(values) > _ENLARGED and _grain(seen) < _GRAIN
    for _ in range(_ROUNDS if only_blurred else _CAREFUL_ROUNDS):
        ahead = np.clip(guess + pace * (guess - before), 0.01, 300)
        before, guess = guess, ahead * _blurred(seen / np.maximum(_blurred(ahead, sigma), 1e-3), sigma)
        last_step, step = step, guess - ahead
        pace = float(np.clip((step * last_step).sum() / ((last_step * last_step).sum() + 1e-6), 0, 0.98))
    return _sharpened(guess - 1)


def _enlarged(small: Floats) -> Floats:
    height, width = small.shape[:2]
    size = width * ENLARGEMENT, height * ENLARGEMENT
    guess = cv2.resize(small, size, interpolation=cv2.INTER_CUBIC)
    for _ in range(3):
        missing = small - cv2.resize(guess, (width, height), interpolation=cv2.INTER_AREA)
        guess = guess + cv2.resize(missing, size, interpolation=cv2.INTER_CUBIC)
    return np.asarray(guess, np.float32)


def _lost_by_reduction(values: Pixels | Floats) -> float:
    if min(values.shape[:2]) < 8 * ENLARGEMENT or any(side % ENLARGEMENT for side in values.shape[:2]):
        return float("inf")
    return float(np.abs(_enlarged(_reduced(values)) - values).mean())


def _grain(values: Floats) -> float:
    """The deviation of noise (Immerkaer 1996)."""
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    return float(np.abs(cv2.filter2D(values.mean(axis=2), -1, kernel)).mean() * np.sqrt(np.pi / 2) / 6)


def _reduced(values: Pixels | Floats) -> Floats:
    height, width = (side // ENLARGEMENT for side in values.shape[:2])
    return np.asarray(
        cv2.resize(values.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA), np.float32
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
