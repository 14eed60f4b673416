"""Backgrounds: one painter for each place, under a sky of the hour, with grain and irregular outlines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from autoflow.suites.scenes.model import HORIZON, Place, Time

Floats = np.ndarray[Any, np.dtype[np.floating[Any]]]
Rgb = tuple[float, float, float]
Polygon = tuple[list[tuple[float, float]], Rgb]
Dice = np.random.Generator

SKIES: MappingProxyType[Time, tuple[Rgb, Rgb]] = MappingProxyType(
    {
        Time.DAY: ((112, 172, 232), (202, 226, 244)),
        Time.SUNSET: ((122, 84, 142), (244, 168, 112)),
        Time.NIGHT: ((14, 20, 52), (46, 54, 96)),
    }
)
"""The sky's colour overhead and at the horizon."""

_LIGHT: MappingProxyType[Time, Rgb] = MappingProxyType(
    {Time.DAY: (1.0, 1.0, 1.0), Time.SUNSET: (0.92, 0.7, 0.62), Time.NIGHT: (0.34, 0.38, 0.52)}
)
"""What the light of the hour makes of the ground's colours."""


def draw_place(place: Place, time: Time, width: int, height: int, rng: Dice) -> Image.Image:
    """A background without things, RGB."""
    canvas = _Canvas(time, width, height, rng)
    _PAINTERS[place](canvas)
    return canvas.finished()


class _Canvas:
    """A picture that is painted from the far to the near, in shares of its width and height."""

    def __init__(self, time: Time, width: int, height: int, rng: Dice) -> None:
        self.time, self.rng = time, rng
        self._width, self._height = width, height
        self._light = np.array(_LIGHT[time], np.float32)
        self.pixels = self._sky()

    def sprinkle_sky(self) -> None:
        """Stars by night, else clouds."""
        if self.time is Time.NIGHT:
            number = int(self.rng.integers(8, 20))
            rows = self.rng.integers(0, int(self._height * 0.5), number)
            self.pixels[rows, self.rng.integers(0, self._width, number)] += 110
            return
        for _ in range(int(self.rng.integers(0, 4))):
            x, y, size = self.rng.uniform(0, 1), self.rng.uniform(0.05, 0.4), self.rng.uniform(0.08, 0.2)
            cloud = np.exp(-(((self._across - x) / size) ** 2 + ((self._down - y) / (size * 0.3)) ** 2) * 2)
            self._blend(cloud * 0.6, np.array((250, 246, 242), np.float32) * (0.5 + self._light / 2))

    def ground(self, colour: Rgb, top: float, roughness: float, bumps: int, grain: float = 7.0) -> None:
        """Fills all below an irregular line.

        Args:
            colour: by day.
            top: the line's mean height.
            roughness: how far it strays from that.
            bumps: how often it rises and falls.
            grain: the deviation of the brightness of single spots, of 255.
        """
        knots = self.rng.uniform(-roughness, roughness, bumps + 2)
        line = top + np.interp(np.linspace(0, bumps + 1, self._width), np.arange(bumps + 2), knots)
        mask = np.clip((self._down - line[None, :]) * self._height + 0.5, 0, 1)
        shade = 1.0 - 0.22 * np.clip((self._down - top) / (1 - top), 0, 1)
        texture = self._noise(8) * grain * 1.5 + self._noise(2) * grain
        self._blend(mask, np.array(colour, np.float32) * self._light * shade[..., None] + texture[..., None])

    def shapes(self, polygons: Sequence[Polygon], lit: bool = False) -> None:
        """Draws polygons, with smooth edges; `lit` ones shine by themselves."""
        scale = 2
        for points, colour in polygons:
            mask = Image.new("L", (self._width * scale, self._height * scale))
            corners = [(x * self._width * scale, y * self._height * scale) for x, y in points]
            ImageDraw.Draw(mask).polygon(corners, fill=255)
            smooth = np.asarray(mask.reduce(scale), np.float32) / 255
            self._blend(smooth, np.array(colour, np.float32) * (1.0 if lit else self._light))

    def streaks(self, top: float, number: int, strength: float) -> None:
        """Short bright strokes that run across: waves, boards, ripples in sand."""
        for _ in range(number):
            y = float(self.rng.uniform(top, 1))
            x, length = self.rng.uniform(0, 1), self.rng.uniform(0.05, 0.2) * (0.5 + y)
            stroke = np.exp(
                -(((self._across - x) / length) ** 2) * 3 - ((self._down - y) * self._height / 1.2) ** 2
            )
            self.pixels += (stroke * strength * float(self._light.mean()))[..., None]

    def finished(self) -> Image.Image:
        """The picture."""
        self.pixels += np.asarray(self.rng.normal(0, 1.5, self.pixels.shape), np.float32)
        return Image.fromarray(np.clip(self.pixels + 0.5, 0, 255).astype(np.uint8))

    @property
    def _across(self) -> Floats:
        return ((np.arange(self._width, dtype=np.float32) + 0.5) / self._width)[None, :]

    @property
    def _down(self) -> Floats:
        return ((np.arange(self._height, dtype=np.float32) + 0.5) / self._height)[:, None]

    def _sky(self) -> Floats:
        overhead, low = (np.array(colour, np.float32) for colour in SKIES[self.time])
        share: Floats = np.clip(self._down / HORIZON, 0, 1)[..., None]
        tint = np.asarray(self.rng.uniform(-8, 8, 3), np.float32)
        column: Floats = overhead + (low - overhead) * share + tint
        return np.repeat(column, self._width, axis=1)

    def _noise(self, cell: int) -> Floats:
        """Smooth noise of deviation about 1, in spots of `cell` hundredths of the width."""
        spots = max(2, 100 // cell)
        coarse = Image.fromarray(self.rng.normal(0, 1, (spots, spots)).astype(np.float32))
        return np.asarray(coarse.resize((self._width, self._height), Image.Resampling.BILINEAR))

    def _blend(self, mask: Floats, colour: Floats) -> None:
        self.pixels += mask[..., None] * (colour - self.pixels)


def _beach(canvas: _Canvas) -> None:
    canvas.sprinkle_sky()
    canvas.ground((52, 130, 176), HORIZON - 0.1, 0.003, 1, 3)
    canvas.streaks(HORIZON - 0.09, 10, 30)
    canvas.ground((232, 208, 152), HORIZON + 0.08, 0.02, 3, 6)


def _city(canvas: _Canvas) -> None:
    canvas.sprinkle_sky()
    windows: list[Polygon] = []
    left = -0.05
    while left < 1:
        width, top = canvas.rng.uniform(0.1, 0.2), canvas.rng.uniform(0.14, 0.44)
        grey = canvas.rng.uniform(96, 150)
        canvas.shapes([(_rectangle(left, top, left + width, 0.75), (grey, grey * 0.98, grey * 1.04))])
        for x in np.arange(left + 0.02, left + width - 0.03, 0.045):
            for y in np.arange(top + 0.04, 0.62, 0.075):
                if canvas.rng.random() < 0.5:
                    windows.append((_rectangle(x, y, x + 0.02, y + 0.035), (246, 226, 150)))
        left += width + canvas.rng.uniform(0, 0.02)
    canvas.shapes(windows[:28], lit=True)
    canvas.ground((112, 112, 118), HORIZON + 0.1, 0.0, 0, 4)
    dashes = [(_rectangle(x, 0.84, x + 0.1, 0.86), (226, 226, 220)) for x in np.arange(0.02, 1, 0.2)]
    canvas.shapes(dashes)


def _desert(canvas: _Canvas) -> None:
    canvas.sprinkle_sky()
    canvas.ground((222, 164, 100), HORIZON - 0.06, 0.05, 3, 4)
    canvas.ground((236, 182, 112), HORIZON + 0.08, 0.05, 2, 4)
    canvas.streaks(HORIZON + 0.1, 12, 18)
    for _ in range(int(canvas.rng.integers(1, 4))):
        x, y, h = canvas.rng.uniform(0, 1), HORIZON + 0.02, canvas.rng.uniform(0.1, 0.17)
        stem = _rectangle(x - 0.012, y - h, x + 0.012, y + 0.05)
        arm = _rectangle(x - 0.05, y - h * 0.55, x + 0.05, y - h * 0.4)
        canvas.shapes([(stem, (70, 112, 64)), (arm, (70, 112, 64))])


def _forest(canvas: _Canvas) -> None:
    canvas.ground((66, 98, 62), HORIZON - 0.2, 0.05, 12, 8)
    trees: list[Polygon] = []
    for x in np.arange(-0.02, 1.05, 0.09):
        x += canvas.rng.uniform(-0.03, 0.03)
        top, half, green = (
            canvas.rng.uniform(0.06, 0.24),
            canvas.rng.uniform(0.06, 0.1),
            canvas.rng.uniform(50, 84),
        )
        trees.append(([(x, top), (x - half, 0.68), (x + half, 0.68)], (green * 0.5, green, green * 0.55)))
    canvas.shapes(trees)
    canvas.ground((92, 84, 54), HORIZON + 0.09, 0.012, 6, 13)


def _meadow(canvas: _Canvas) -> None:
    canvas.sprinkle_sky()
    canvas.ground((118, 170, 92), HORIZON - 0.08, 0.04, 2, 4)
    canvas.ground((126, 188, 84), HORIZON + 0.02, 0.03, 3, 9)
    blades: list[Polygon] = []
    for _ in range(30):
        x, y = canvas.rng.uniform(0, 1), canvas.rng.uniform(HORIZON + 0.08, 1)
        blades.append(([(x, y - 0.05), (x - 0.008, y), (x + 0.008, y)], (82, 140, 56)))
    canvas.shapes(blades)


def _mountains(canvas: _Canvas) -> None:
    canvas.sprinkle_sky()
    for _ in range(3):
        x, top, half = canvas.rng.uniform(0, 1), canvas.rng.uniform(0.12, 0.3), canvas.rng.uniform(0.3, 0.45)
        grey = canvas.rng.uniform(104, 134)
        slope = (0.7 - top) / half
        peak = [
            (x, top),
            (x - 0.1, top + 0.1 * slope),
            (x - 0.03, top + 0.06 * slope),
            (x + 0.03, top + 0.1 * slope),
        ]
        mountain = [(x, top), (x - half, 0.7), (x + half, 0.7)]
        canvas.shapes(
            [(mountain, (grey, grey, grey * 1.1)), ([*peak, (x + 0.1, top + 0.1 * slope)], (240, 244, 250))]
        )
    canvas.ground((142, 150, 122), HORIZON + 0.08, 0.02, 5, 10)


def _room(canvas: _Canvas) -> None:
    sky = canvas.pixels.copy()
    wall = np.array((206, 190, 206), np.float32) + canvas.rng.uniform(-14, 14, 3).astype(np.float32)
    canvas.shapes([(_rectangle(0, 0, 1, 1), (float(wall[0]), float(wall[1]), float(wall[2])))], lit=True)
    stripes = [(_rectangle(x, 0, x + 0.03, 0.7), tuple(wall * 0.93)) for x in np.arange(0.05, 1, 0.12)]
    canvas.shapes(stripes, lit=True)
    left, top = canvas.rng.uniform(0.08, 0.5), canvas.rng.uniform(0.08, 0.14)
    frame = _rectangle(left - 0.02, top - 0.02, left + 0.42, top + 0.4)
    canvas.shapes([(frame, (250, 250, 246))], lit=True)
    rows = slice(int(top * len(sky)), int((top + 0.38) * len(sky)))
    columns = slice(int(left * sky.shape[1]), int((left + 0.4) * sky.shape[1]))
    canvas.pixels[rows, columns] = sky[rows, columns]
    canvas.shapes([(_rectangle(left + 0.19, top, left + 0.21, top + 0.38), (250, 250, 246))], lit=True)
    floor = [
        (_rectangle(0, y, 1, y + 0.06), (150 - i % 2 * 16, 106 - i % 2 * 12, 70 - i % 2 * 8))
        for i, y in enumerate(np.arange(HORIZON + 0.1, 1, 0.06))
    ]
    canvas.shapes(floor, lit=True)


def _sea(canvas: _Canvas) -> None:
    canvas.sprinkle_sky()
    canvas.ground((38, 108, 166), HORIZON - 0.12, 0.003, 1, 5)
    canvas.ground((26, 90, 150), HORIZON + 0.05, 0.012, 9, 6)
    canvas.ground((20, 78, 138), HORIZON + 0.22, 0.015, 7, 6)
    canvas.streaks(HORIZON - 0.1, 26, 36)


def _rectangle(left: float, top: float, right: float, bottom: float) -> list[tuple[float, float]]:
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


_PAINTERS: MappingProxyType[Place, Callable[[_Canvas], None]] = MappingProxyType(
    {
        Place.BEACH: _beach,
        Place.CITY: _city,
        Place.DESERT: _desert,
        Place.FOREST: _forest,
        Place.MEADOW: _meadow,
        Place.MOUNTAINS: _mountains,
        Place.ROOM: _room,
        Place.SEA: _sea,
    }
)
