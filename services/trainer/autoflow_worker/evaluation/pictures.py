"""Pictures as a page shows them: decoded and encoded anew, so that nothing but pixels gets into the page."""

from __future__ import annotations

import base64
import io

from autoflow.images import ImageLimits, UnreadableImage, read_image

_LARGEST = 512
"""Pixels of a side; a larger picture is made smaller."""
_LIMITS = ImageLimits()


def data_uri(data: bytes) -> str | None:
    """A picture as a `data:` URI; None where it cannot be read.

    Small pictures keep every pixel (PNG); one that had to be made smaller is a JPEG.

    Args:
        data: the bytes of its file.
    """
    try:
        image = read_image(data, _LIMITS)
    except UnreadableImage:
        return None
    buffer = io.BytesIO()
    if max(image.size) <= _LARGEST:
        image.save(buffer, "PNG", optimize=True)
        kind = "png"
    else:
        image.thumbnail((_LARGEST, _LARGEST))
        image.save(buffer, "JPEG", quality=85)
        kind = "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"
