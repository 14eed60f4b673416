"""Drawn pictures as arrays, made once and kept, if a folder is given, for the next training.

Left out: any check that a kept file was made by this very version of the drawing code. Delete the folder
after a change to it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from autoflow.suites.planning import IMAGE_FAULTS
from autoflow.suites.scenes import Purpose, Scene, degrade, draw, lightly_degraded, scene

Bytes = np.ndarray[Any, np.dtype[np.uint8]]

COPIES = 5
"""Pictures of a scene in `versions`: the true one, a lightly degraded one, and faulty or mended ones."""


def scenes(purpose: Purpose, count: int) -> list[Scene]:
    """The first scenes of a purpose."""
    return [scene(seed, purpose) for seed in range(count)]


def clean(members: Iterable[Scene], side: int, cache: Path | None, name: str) -> Bytes:
    """Pictures of scenes, [n, side, side, 3]."""
    return _kept(cache, f"{name}-{side}", lambda: np.stack([_pixels(draw(one), side) for one in members]))


def versions(members: Iterable[Scene], side: int, cache: Path | None, name: str) -> Bytes:
    """Every scene's picture, a light copy, and faulty or mended ones, [n, COPIES, side, side, 3]."""

    def make() -> Bytes:
        return np.stack([_versions(draw(one), side, seed) for seed, one in enumerate(members)])

    return _kept(cache, f"{name}-versions-{side}", make)


def mended(image: Image.Image, rng: random.Random) -> Image.Image:
    """A crude repair: what may take some of a fault away, and adds faults of its own."""
    repair = rng.choice(
        (ImageFilter.MedianFilter(3), ImageFilter.UnsharpMask(2, 120, 1), ImageFilter.GaussianBlur(0.7))
    )
    return image.filter(repair)


def _versions(image: Image.Image, side: int, seed: int) -> Bytes:
    rng = random.Random(seed)
    faulty = [_faulty(image, rng) for _ in range(COPIES - 2)]
    return np.stack([_pixels(one, side) for one in (image, lightly_degraded(image, seed), *faulty)])


def _faulty(image: Image.Image, rng: random.Random) -> Image.Image:
    """A copy with few or many faults, slight or heavy, sometimes mended."""
    faults = rng.sample(IMAGE_FAULTS, rng.choice((1, 1, 2, 2, 3, 4)))
    copy = degrade(image, faults, rng.getrandbits(30), rng.uniform(0.1, 1.3))
    return mended(copy, rng) if rng.random() < 0.3 else copy


def _pixels(image: Image.Image, side: int) -> Bytes:
    return np.asarray(image.resize((side, side), Image.Resampling.BICUBIC))


def _kept(cache: Path | None, name: str, make: Callable[[], Bytes]) -> Bytes:
    if cache is None:
        return make()
    file = cache / f"{name}.npy"
    if not file.exists():
        cache.mkdir(parents=True, exist_ok=True)
        np.save(file, make(), allow_pickle=False)
    return np.load(file, allow_pickle=False)  # type: ignore[no-any-return]
