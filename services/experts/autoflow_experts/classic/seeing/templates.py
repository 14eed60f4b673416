"""What things look like: every kind in every colour, drawn once and kept.

Templates are drawn by the scenes' own pens, from seeds of their own, when they are first looked for.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import cv2
import numpy as np

from autoflow.suites.scenes import Colour, Kind, Size, Thing
from autoflow.suites.scenes.model import ASPECTS
from autoflow.suites.scenes.shapes import PALETTE, draw_thing
from autoflow_experts.pictures import Floats, Pixels

Mask: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]

EXTENTS = {Size.SMALL: (19.0, 20.0, 21.0, 22.0), Size.LARGE: (33.0, 34.0, 35.0, 36.0, 37.0)}
"""The longer sides of templates, in pixels of the canvas."""
MIDDLE = {Size.SMALL: 20.0, Size.LARGE: 35.0}
VARIANTS = 8
"""How many of one kind and size, since details vary."""
_REDUCTION = 2
_OUTSIDE = 0.7


@dataclass(frozen=True, slots=True)
class Template:
    """A drawn thing."""

    pixels: Floats
    """[height, width, channels]."""
    mask: Floats
    """1 where the thing is, [height, width]."""

    @property
    def area(self) -> float:
        """How many pixels the thing has."""
        return float(self.mask.sum())


@dataclass(frozen=True, slots=True)
class Stack:
    """Templates of one size, to be compared with many places of a picture at once."""

    shape: tuple[int, int]
    """Height and width."""
    masked: Floats
    """Their pixels where they are, else 0, [channels * height * width, templates]."""
    masks: Floats
    """1 where they are, [height * width, templates]."""
    squares: Floats
    """The sum of the squares of `masked`, [templates]."""
    areas: Floats
    """How many pixels each has, [templates]."""


class Templates:
    """All templates.

    Args:
        of_lightness: templates in colour, of which these are to have the lightness only.
    """

    def __init__(self, of_lightness: Templates | None = None) -> None:
        self._coloured = of_lightness
        self._kept: dict[tuple[Kind, Colour, float], tuple[Template, ...]] = {}
        self._stacks: dict[tuple[Kind, Colour, float], Stack] = {}

    def of(self, kind: Kind, colour: Colour, extent: float) -> tuple[Template, ...]:
        """The variants of one thing in one size."""
        key = (kind, colour, extent)
        if key not in self._kept:
            self._kept[key] = (
                tuple(_template(drawn(kind, colour, extent, seed)) for seed in range(VARIANTS))
                if self._coloured is None
                else tuple(map(_of_lightness, self._coloured.of(*key)))
            )
        return self._kept[key]

    def stack(self, kind: Kind, colour: Colour, extent: float) -> Stack:
        """The same, stacked."""
        key = (kind, colour, extent)
        if key not in self._stacks:
            self._stacks[key] = stacked(self.of(*key))
        return self._stacks[key]

    @cached_property
    def shapes(self) -> dict[tuple[Kind, Size], Floats]:
        """For each kind and size where its main colour is (positive) and where it is not, in half the scale.

        The correlation with a map of that colour, of 0 to 1, is at most 1.
        """
        return {(kind, size): _shape(kind, size) for kind in Kind for size in Size}

    def closeness(self, canvas: Floats, colour: Colour, tolerance: float) -> Floats:
        """How near a picture is to a thing's main colour, 0 to 1, for squares of 2 by 2 pixels."""
        base = self.lightness(PALETTE[colour])
        apart = np.abs(canvas - base).max(axis=2)
        near = np.maximum(0, 1 - apart / tolerance).astype(np.float32)
        side = canvas.shape[0] // _REDUCTION
        return np.asarray(cv2.resize(near, (side, side), interpolation=cv2.INTER_AREA))

    def lightness(self, rgb: tuple[int, int, int]) -> Floats:
        """A colour as these templates have it, [channels]."""
        values = np.array([[rgb]], np.uint8)
        lightness: Floats = (values.astype(np.float32) if self._coloured is None else grey(values))[0, 0]
        return lightness


def _template(patch: Floats) -> Template:
    mask = (patch[..., 3:] > 200).astype(np.float32)
    return Template(np.ascontiguousarray(patch[..., :3]), mask[..., 0])


def _of_lightness(template: Template) -> Template:
    return Template(grey(template.pixels.astype(np.uint8)), template.mask)


def stacked(templates: Sequence[Template]) -> Stack:
    """Templates of one size, stacked."""
    masks = np.stack([one.mask for one in templates])
    masked = np.stack([one.pixels * one.mask[..., None] for one in templates])
    flat = masked.transpose(0, 3, 1, 2).reshape(len(templates), -1)
    return Stack(
        shape=(masks.shape[1], masks.shape[2]),
        masked=np.ascontiguousarray(flat.T),
        masks=np.ascontiguousarray(masks.reshape(len(templates), -1).T),
        squares=np.square(flat).sum(axis=1),
        areas=masks.sum(axis=(1, 2)),
    )


def grey(pixels: Pixels) -> Floats:
    """The lightness (Rec. 601), as one channel."""
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.float32)[..., None]


def drawn(kind: Kind, colour: Colour, extent: float, seed: int) -> Floats:
    """A thing as RGBA, [height, width, 4]."""
    width, height = (max(1, round(share * extent)) for share in ASPECTS.get(kind, (1.0, 1.0)))
    thing = Thing(kind, colour, Size.LARGE, 0.5, 0.5, 0.25)
    return np.asarray(draw_thing(thing, width, height, random.Random(seed)), np.float32)


def _shape(kind: Kind, size: Size) -> Floats:
    colour = Colour.ORANGE
    patches = [drawn(kind, colour, MIDDLE[size], seed) for seed in range(VARIANTS)]
    base = np.mean([_is_base(patch, colour) for patch in patches], axis=0)
    inside = np.mean([patch[..., 3] > 200 for patch in patches], axis=0)
    side = max(1, patches[0].shape[1] // _REDUCTION), max(1, patches[0].shape[0] // _REDUCTION)
    base, outside = (
        cv2.resize(part.astype(np.float32), side, interpolation=cv2.INTER_AREA) for part in (base, 1 - inside)
    )
    # A rim of what the thing is not.
    base, outside = np.pad(base, 1), np.pad(outside, 1, constant_values=1.0)
    return np.asarray(base / base.sum() - _OUTSIDE * outside / outside.sum(), np.float32)


def _is_base(patch: Floats, colour: Colour) -> Mask:
    apart = np.abs(patch[..., :3] - np.array(PALETTE[colour])).max(axis=2)
    return np.asarray((apart < 12) & (patch[..., 3] > 200))
