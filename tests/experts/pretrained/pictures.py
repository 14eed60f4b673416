"""Pictures that a model can tell apart."""

from __future__ import annotations

import numpy as np
from PIL import Image

from tests.experts.tools import png


def picture(seed: int, width: int = 40, height: int = 48) -> bytes:
    """A picture of coarse patches, as PNG."""
    patches = np.random.default_rng(seed).integers(0, 256, (6, 5, 3), np.uint8)
    return png(Image.fromarray(patches).resize((width, height), Image.Resampling.NEAREST))
