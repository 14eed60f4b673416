"""Draws scenes, and the faults that pictures have.

Equal scenes give equal pixels with equal versions of Pillow and NumPy. Left out: perspective, cast shadows,
people.
"""

from __future__ import annotations

import io
import random
from collections.abc import Iterable

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from autoflow.suites.planning import Fault
from autoflow.suites.scenes.model import Scene
from autoflow.suites.scenes.places import draw_place
from autoflow.suites.scenes.shapes import draw_thing

SIZE = (128, 128)
"""Width and height, in pixels, if none are asked for."""


def draw(scene: Scene, size: tuple[int, int] = SIZE) -> Image.Image:
    """The picture of a scene, RGB.

    Args:
        scene: what is drawn.
        size: width and height in pixels, each at least 16.

    Raises:
        ValueError: the size is smaller than that.
    """
    width, height = size
    if min(size) < 16:
        raise ValueError(f"a scene needs at least 16x16 pixels, not {width}x{height}")
    dice = np.random.default_rng(scene.texture)
    picture = draw_place(scene.place, scene.time, width, height, dice)
    rng = random.Random(scene.texture)
    for thing in scene.things:
        box = thing.box
        left, top = round(box.left * width), round(box.top * height)
        right, bottom = round(box.right * width), round(box.bottom * height)
        patch = draw_thing(thing, max(1, right - left), max(1, bottom - top), rng)
        picture.paste(patch, (left, top), patch)
    return picture


def degrade(image: Image.Image, faults: Iterable[Fault], seed: int, strength: float = 1.0) -> Image.Image:
    """A picture with faults of those of the suite `planning`, in the order in which a camera makes them.

    Args:
        image: RGB.
        faults: any of blur, grayscale, low resolution and noise. A picture of low resolution is returned
            small, with 1/(1 + 3·strength) of its width and height.
        seed: of the noise.
        strength: 0 changes nothing; the shipped towers learned 0.1 to 1.3, and the suite's own are in
            `autoflow.suites.samples.faults`.

    Returns:
        RGB, the grey picture too.

    Raises:
        ValueError: a fault is none of a picture.
    """
    wanted = set(faults)
    if unknown := wanted - {Fault.BLUR, Fault.GRAYSCALE, Fault.LOW_RESOLUTION, Fault.NOISE}:
        raise ValueError(f"no faults of a picture: {', '.join(sorted(unknown))}")
    if Fault.BLUR in wanted:
        image = image.filter(ImageFilter.GaussianBlur(0.018 * strength * image.width))
    if Fault.GRAYSCALE in wanted:
        image = Image.blend(image, image.convert("L").convert("RGB"), min(strength, 1.0))
    if Fault.LOW_RESOLUTION in wanted:
        factor = 1 + 3 * strength
        small = (max(1, round(image.width / factor)), max(1, round(image.height / factor)))
        image = image.resize(small, Image.Resampling.BOX)
    if Fault.NOISE in wanted:
        image = _noisy(image, 22 * strength, np.random.default_rng(seed))
    return image


def lightly_degraded(image: Image.Image, seed: int) -> Image.Image:
    """A picture after a careless export: cropped and blurred a little, brighter or darker, JPEG."""
    rng = random.Random(seed)
    width, height = image.size
    left, top = rng.uniform(0, 0.03) * width, rng.uniform(0, 0.03) * height
    right, bottom = rng.uniform(0.97, 1) * width, rng.uniform(0.97, 1) * height
    image = image.resize(image.size, Image.Resampling.BICUBIC, (left, top, right, bottom))
    image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0, 0.005) * width))
    image = ImageEnhance.Brightness(image).enhance(rng.uniform(0.93, 1.07))
    image = _noisy(image, rng.uniform(0, 5), np.random.default_rng(seed))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=rng.randint(60, 92))
    with Image.open(file) as compressed:
        return compressed.convert("RGB")


def _noisy(image: Image.Image, deviation: float, dice: np.random.Generator) -> Image.Image:
    pixels = np.asarray(image, np.float32)
    pixels = pixels + dice.normal(0, deviation, pixels.shape).astype(np.float32)
    return Image.fromarray(np.clip(pixels + 0.5, 0, 255).astype(np.uint8))
