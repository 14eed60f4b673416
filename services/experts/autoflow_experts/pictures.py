"""Pictures of samples as arrays, and arrays as the bytes of an answer."""

from __future__ import annotations

import io
from typing import Any, TypeAlias

import numpy as np
from PIL import Image

from autoflow.images import ImageLimits, UnreadableImage, read_image
from autoflow.suites import Content
from autoflow_experts.experts import Unusable

Pixels: TypeAlias = np.ndarray[Any, np.dtype[np.uint8]]
"""A picture, [height, width, 3], RGB."""
Floats: TypeAlias = np.ndarray[Any, np.dtype[np.floating[Any]]]
"""The same of any range, or with fewer axes."""

MAX_PIXELS = 4_194_304
"""Of an enlarged picture."""
MAX_BYTES = 1 << 20
"""Of an answer's picture: the contract's limit."""
_QUALITIES = (95, 85, 70)


def read(content: Content, limits: ImageLimits) -> Pixels:
    """A sample's picture.

    Raises:
        Unusable: it cannot be read.
    """
    assert isinstance(content, bytes)
    try:
        return np.array(read_image(content, limits))
    except UnreadableImage as reason:
        raise Unusable(f"the picture cannot be used: {reason}") from None


def write(pixels: Pixels) -> bytes:
    """A picture as PNG, or, where that is too large, as JPEG in the best quality that fits.

    Raises:
        Unusable: no quality fits.
    """
    image = Image.fromarray(pixels)
    encoded = _encoded(image, "PNG")
    for quality in _QUALITIES:
        if len(encoded) <= MAX_BYTES:
            return encoded
        encoded = _encoded(image, "JPEG", quality)
    if len(encoded) > MAX_BYTES:
        raise Unusable(
            f"the new picture would have {len(encoded)} bytes, but at most {MAX_BYTES} are allowed"
        )
    return encoded


def enlarged_size(width: int, height: int, factor: int) -> tuple[int, int]:
    """What a picture becomes that is made larger.

    Args:
        width: in pixels.
        height: in pixels.
        factor: by which both grow.

    Raises:
        Unusable: the result would have more than `MAX_PIXELS`.
    """
    width, height = width * factor, height * factor
    if width * height > MAX_PIXELS:
        raise Unusable(f"enlarged it would have {width} x {height} pixels, but at most {MAX_PIXELS} are made")
    return width, height


def rounded(values: Floats) -> Pixels:
    """The nearest pixels to values of 0 to 255, or beyond."""
    pixels: Pixels = np.clip(values + 0.5, 0, 255).astype(np.uint8)
    return pixels


def _encoded(image: Image.Image, file_format: str, quality: int = 0) -> bytes:
    file = io.BytesIO()
    options = {"quality": quality} if quality else {}
    image.save(file, file_format, **options)
    return file.getvalue()
