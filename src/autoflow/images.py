"""Pictures that came from callers, read within limits.

A header is read and judged before anything is decoded, so a small file that would become a huge picture
costs nothing. Only the formats below are tried; their decoders are Pillow's. Of an animation the first frame
counts. Orientation that a camera noted beside the pixels is ignored, as transformers' processors ignore it.

Needs Pillow, which is imported when the first picture is read.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")
"""What is read."""


class UnreadableImage(ValueError):
    """The bytes are no picture that is read here; the message is fit for the caller."""


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """What a picture may be."""

    max_pixels: int = 16_777_216
    """Width times height."""
    max_side: int = 16_384
    """Pixels."""
    max_ratio: int = 32
    """The longer side over the shorter: models want a square of the shorter side's scale, so a picture of one
    row of pixels would grow beyond all bounds."""


def read_image(data: bytes, limits: ImageLimits) -> Image:
    """Decodes a picture.

    Args:
        data: the bytes of its file.
        limits: what it may be.

    Returns:
        The picture in RGB.

    Raises:
        UnreadableImage: it is no picture, of another format, cut off, or beyond the limits.
    """
    from PIL import Image

    try:
        with warnings.catch_warnings():
            # Pillow's own limit; ours is checked below, before a pixel is decoded.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError:
        raise UnreadableImage(_too_large(limits)) from None
    except Exception:
        raise UnreadableImage(f"it cannot be read as {', '.join(FORMATS[:-1])} or {FORMATS[-1]}") from None
    width, height = image.size
    if width * height > limits.max_pixels or max(width, height) > limits.max_side:
        raise UnreadableImage(f"it has {width} x {height} pixels, but {_too_large(limits)}")
    if max(width, height) > limits.max_ratio * min(width, height):
        raise UnreadableImage(f"one side is more than {limits.max_ratio} times the other")
    try:
        return image.convert("RGB")
    # Decoders raise what they like on broken files: OSError, SyntaxError, struct.error, zlib.error, others.
    except Exception:
        raise UnreadableImage("its pixels are damaged or cut off") from None


def _too_large(limits: ImageLimits) -> str:
    return f"at most {limits.max_pixels} pixels, and {limits.max_side} on a side, are allowed"
