"""The faults of the suite's pictures, in the strengths that the suite has them.

Four faults of full strength leave next to nothing to be seen, which no tool could mend.
These are weaker: each of them matters, and all of them together can be mended.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType

from PIL import Image

from autoflow.suites.planning import Fault
from autoflow.suites.scenes import degrade

STRENGTHS: Mapping[Fault, float] = MappingProxyType(
    {Fault.BLUR: 0.8, Fault.GRAYSCALE: 1.0, Fault.LOW_RESOLUTION: 1 / 3, Fault.NOISE: 0.8}
)
"""Of each fault, as `degrade` takes it, in the order in which a camera makes them."""


def spoilt(picture: Image.Image, faults: Collection[Fault], seed: int) -> Image.Image:
    """A picture with the suite's faults; one of low resolution has half of the width and height.

    Args:
        picture: RGB.
        faults: any of blur, grayscale, low resolution and noise.
        seed: of the noise.
    """
    for fault, strength in STRENGTHS.items():
        if fault in faults:
            picture = degrade(picture, [fault], seed, strength)
    return picture
