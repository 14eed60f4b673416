"""How each kind of thing is drawn: outlines, a lit and a shaded side, and details, in the unit square.

A thing is drawn on a patch of its own, several times too large, and scaled down, which smooths its edges.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from math import cos, pi, sin
from types import MappingProxyType

from PIL import Image, ImageDraw

from autoflow.suites.scenes.model import Colour, Kind, Thing

Rgb = tuple[int, int, int]
Point = tuple[float, float]

PALETTE = MappingProxyType(
    {
        Colour.BLACK: (24, 24, 26),
        Colour.PURPLE: (92, 20, 128),
        Colour.BLUE: (20, 72, 225),
        Colour.RED: (232, 48, 44),
        Colour.GREEN: (52, 176, 70),
        Colour.ORANGE: (250, 150, 36),
        Colour.YELLOW: (255, 222, 50),
        Colour.WHITE: (248, 248, 248),
    }
)
"""The main colour of a thing; its brightness (Rec. 601) rises by at least 0.07 from one to the next."""

_OVERSAMPLING = 4
_DARK_GLASS, _LIGHT_GLASS = (40, 52, 70), (196, 224, 240)


def draw_thing(thing: Thing, width: int, height: int, rng: random.Random) -> Image.Image:
    """A patch with one thing, RGBA.

    Args:
        thing: what is drawn.
        width: pixels of the patch, at least 1.
        height: pixels of the patch, at least 1.
        rng: decides details that have no words.
    """
    pen = _Pen(thing, width, height)
    _PAINTERS[thing.kind](pen, rng)
    return pen.finished()


class _Pen:
    """Draws in the unit square, x to the right and y down, in shades of one colour."""

    def __init__(self, thing: Thing, width: int, height: int) -> None:
        self._size = width, height
        self._scale = width * _OVERSAMPLING, height * _OVERSAMPLING
        # The border is transparent in the thing's own colour, so that scaling mixes in no other.
        self.base: Rgb = PALETTE[thing.colour]
        self._image = Image.new("RGBA", self._scale, (*self.base, 0))
        self._draw = ImageDraw.Draw(self._image)
        self._line = max(2, round(max(self._scale) * 0.025))
        dark = sum(self.base) < 3 * 70
        self.light = self.mixed((255, 255, 255), 0.22)
        self.dark = self.mixed((0, 0, 0), 0.22)
        self.edge = self.mixed((255, 255, 255), 0.45) if dark else self.mixed((0, 0, 0), 0.45)
        self.detail: Rgb = (240, 236, 220) if sum(self.base) < 3 * 110 else (48, 40, 44)

    def mixed(self, other: Rgb, share: float) -> Rgb:
        """The colour, with a share of another one in it."""
        red, green, blue = (
            round(own + (more - own) * share) for own, more in zip(self.base, other, strict=True)
        )
        return red, green, blue

    def polygon(self, points: Sequence[Point], fill: Rgb, outlined: bool = False) -> None:
        """A filled polygon."""
        corners = [self._at(point) for point in points]
        self._draw.polygon(corners, fill=fill)
        if outlined:
            self._draw.line(
                [*corners, corners[0], corners[1]], fill=self.edge, width=self._line, joint="curve"
            )

    def ellipse(self, box: tuple[float, float, float, float], fill: Rgb, outlined: bool = False) -> None:
        """A filled ellipse in a box given by its left top and right bottom corners."""
        corners = [self._at(box[:2]), self._at(box[2:])]
        self._draw.ellipse(corners, fill=fill, outline=self.edge if outlined else None, width=self._line)

    def rectangle(self, box: tuple[float, float, float, float], fill: Rgb, outlined: bool = False) -> None:
        """A filled rectangle."""
        left, top, right, bottom = box
        self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], fill, outlined)

    def line(self, points: Sequence[Point], fill: Rgb, weight: float = 1.0) -> None:
        """A line through points; weight 1 is the weight of outlines."""
        width = max(1, round(self._line * weight))
        self._draw.line([self._at(point) for point in points], fill=fill, width=width, joint="curve")

    def arc(self, box: tuple[float, float, float, float], start: float, end: float, fill: Rgb) -> None:
        """A filled slice of an ellipse, angles in degrees, clockwise from the right."""
        self._draw.pieslice([self._at(box[:2]), self._at(box[2:])], start, end, fill=fill)

    def finished(self) -> Image.Image:
        """The patch in its true size."""
        return self._image.resize(self._size, Image.Resampling.BOX)

    def _at(self, point: Sequence[float]) -> Point:
        return point[0] * (self._scale[0] - 1), point[1] * (self._scale[1] - 1)


def _ball(pen: _Pen, rng: random.Random) -> None:
    pen.ellipse((0.02, 0.02, 0.98, 0.98), pen.base, outlined=True)
    pen.ellipse((0.2, 0.12, 0.52, 0.4), pen.light)
    turn = rng.uniform(-0.12, 0.12)
    pen.line([(0.06, 0.55 + turn), (0.35, 0.68), (0.65, 0.68), (0.94, 0.55 - turn)], pen.edge, 1.2)


def _balloon(pen: _Pen, rng: random.Random) -> None:
    pen.line([(0.5, 0.72), (0.5 + rng.uniform(-0.2, 0.2), 0.86), (0.5, 1.0)], pen.edge, 0.8)
    pen.polygon([(0.5, 0.68), (0.38, 0.78), (0.62, 0.78)], pen.dark)
    pen.ellipse((0.02, 0.01, 0.98, 0.73), pen.base, outlined=True)
    pen.ellipse((0.2, 0.1, 0.42, 0.3), pen.light)


def _bird(pen: _Pen, rng: random.Random) -> None:
    lift = rng.uniform(0.0, 0.12)
    pen.polygon([(0.0, 0.42), (0.22, 0.62), (0.05, 0.8)], pen.dark)
    pen.ellipse((0.14, 0.42, 0.78, 0.92), pen.base, outlined=True)
    pen.ellipse((0.62, 0.26, 0.92, 0.68), pen.base, outlined=True)
    pen.polygon([(0.89, 0.4), (1.0, 0.5), (0.88, 0.56)], (232, 160, 30))
    pen.polygon([(0.3, 0.6), (0.62, 0.58), (0.38, lift), (0.2, 0.02 + lift)], pen.base, outlined=True)
    pen.ellipse((0.76, 0.38, 0.82, 0.48), pen.detail)


def _boat(pen: _Pen, rng: random.Random) -> None:
    mast = rng.uniform(0.46, 0.54)
    pen.line([(mast, 0.02), (mast, 0.75)], (92, 66, 44), 1.6)
    pen.polygon([(mast + 0.03, 0.04), (mast + 0.03, 0.62), (0.94, 0.62)], pen.light, outlined=True)
    pen.polygon([(mast - 0.03, 0.16), (mast - 0.03, 0.62), (0.14, 0.62)], pen.base, outlined=True)
    pen.polygon([(0.02, 0.68), (0.98, 0.68), (0.8, 0.98), (0.2, 0.98)], pen.base, outlined=True)


def _box(pen: _Pen, rng: random.Random) -> None:
    depth = rng.uniform(0.16, 0.26)
    front = 1 - depth
    pen.polygon([(0.02, depth), (depth, 0.02), (0.98, 0.02), (front, depth)], pen.light, outlined=True)
    pen.polygon([(front, depth), (0.98, 0.02), (0.98, front), (front, 0.98)], pen.dark, outlined=True)
    pen.rectangle((0.02, depth, front, 0.98), pen.base, outlined=True)
    pen.line([(0.02, depth), (front, 0.98)], pen.edge)
    pen.line([(front, depth), (0.02, 0.98)], pen.edge)


def _car(pen: _Pen, rng: random.Random) -> None:
    roof = rng.uniform(0.02, 0.1)
    cabin = [(0.2, 0.46), (0.32, roof), (0.68, roof), (0.84, 0.46)]
    pen.polygon(cabin, pen.base, outlined=True)
    glass = _LIGHT_GLASS if sum(pen.base) < 3 * 150 else _DARK_GLASS
    pen.polygon([(0.28, 0.44), (0.36, roof + 0.1), (0.48, roof + 0.1), (0.48, 0.44)], glass)
    pen.polygon([(0.53, 0.44), (0.53, roof + 0.1), (0.65, roof + 0.1), (0.74, 0.44)], glass)
    pen.polygon([(0.01, 0.46), (0.93, 0.44), (0.99, 0.58), (0.99, 0.8), (0.01, 0.8)], pen.base, outlined=True)
    for x in (0.24, 0.76):
        pen.ellipse((x - 0.12, 0.58, x + 0.12, 0.99), (30, 30, 32))
        pen.ellipse((x - 0.05, 0.69, x + 0.05, 0.88), (190, 190, 194))


def _cat(pen: _Pen, rng: random.Random) -> None:
    side = rng.choice((0.0, 1.0))
    tail = [(abs(side - x), y) for x, y in ((0.3, 0.9), (0.06, 0.86), (0.05, 0.6), (0.14, 0.48))]
    pen.line(tail, pen.base, 3.4)
    pen.ellipse((0.2, 0.4, 0.88, 0.99), pen.base, outlined=True)
    for x in (0.3, 0.7):
        pen.polygon([(x - 0.12, 0.2), (x + (x - 0.5) * 0.5, 0.0), (x + 0.13, 0.2)], pen.base, outlined=True)
    pen.ellipse((0.16, 0.08, 0.84, 0.56), pen.base, outlined=True)
    for x in (0.36, 0.64):
        pen.ellipse((x - 0.06, 0.24, x + 0.06, 0.34), pen.detail)
    pen.polygon([(0.45, 0.39), (0.55, 0.39), (0.5, 0.45)], (226, 130, 140))


def _fish(pen: _Pen, rng: random.Random) -> None:
    pen.polygon([(0.24, 0.5), (0.0, 0.12), (0.06, 0.5), (0.0, 0.88)], pen.dark, outlined=True)
    pen.polygon([(0.42, 0.2), (0.56, 0.0), (0.72, 0.2)], pen.dark)
    pen.ellipse((0.16, 0.12, 0.99, 0.9), pen.base, outlined=True)
    for x in (0.4, 0.52 + rng.uniform(-0.02, 0.02)):
        pen.line([(x, 0.3), (x + 0.04, 0.5), (x, 0.7)], pen.edge)
    pen.ellipse((0.8, 0.36, 0.88, 0.5), pen.detail)


def _flower(pen: _Pen, rng: random.Random) -> None:
    pen.line([(0.5, 0.4), (0.5, 1.0)], (44, 110, 50), 2.2)
    pen.polygon([(0.5, 0.9), (0.12, 0.66), (0.3, 0.94)], (56, 134, 60))
    pen.polygon([(0.5, 0.9), (0.88, 0.7), (0.7, 0.94)], (56, 134, 60))
    turn = rng.uniform(0, pi / 3)
    for petal in range(6):
        x, y = 0.5 + 0.3 * cos(turn + petal * pi / 3), 0.33 + 0.2 * sin(turn + petal * pi / 3)
        pen.ellipse((x - 0.19, y - 0.13, x + 0.19, y + 0.13), pen.base, outlined=True)
    heart = (250, 214, 70) if sum(pen.base) < 3 * 190 and pen.base[0] < 240 else (120, 74, 36)
    pen.ellipse((0.36, 0.23, 0.64, 0.43), heart)


def _house(pen: _Pen, rng: random.Random) -> None:
    if rng.random() < 0.6:
        pen.rectangle((0.7, 0.06, 0.82, 0.36), pen.dark)
    pen.polygon([(0.01, 0.46), (0.5, 0.02), (0.99, 0.46)], pen.dark, outlined=True)
    pen.rectangle((0.1, 0.46, 0.9, 0.99), pen.base, outlined=True)
    door = rng.choice((0.2, 0.42, 0.6))
    pen.rectangle((door, 0.66, door + 0.18, 0.99), (104, 70, 44))
    for x in (0.2, 0.42, 0.64):
        if abs(x - door) > 0.1:
            pen.rectangle((x, 0.56, x + 0.16, 0.74), _LIGHT_GLASS)


def _moon(pen: _Pen, rng: random.Random) -> None:
    tilt = rng.uniform(-0.5, 0.5)
    outer = [-pi / 2 - 0.25 - step * (pi - 0.5) / 24 for step in range(25)]
    points = [(0.72 + 0.7 * cos(a), 0.5 + 0.5 * sin(a)) for a in outer]
    inner = [(0.72 + 0.28 * cos(a), 0.5 + 0.47 * sin(a)) for a in reversed(outer)]
    turned = [
        (
            0.5 + (x - 0.5) * cos(tilt) - (y - 0.5) * sin(tilt),
            0.5 + (x - 0.5) * sin(tilt) + (y - 0.5) * cos(tilt),
        )
        for x, y in points + inner
    ]
    pen.polygon(turned, pen.base, outlined=True)


def _star(pen: _Pen, rng: random.Random) -> None:
    turn = -pi / 2 + rng.uniform(-0.3, 0.3)
    points = [
        (0.5 + radius * cos(turn + tip * pi / 5), 0.5 + radius * sin(turn + tip * pi / 5))
        for tip in range(10)
        for radius in ((0.49,) if tip % 2 == 0 else (0.22,))
    ]
    pen.polygon(points, pen.base, outlined=True)


def _tree(pen: _Pen, rng: random.Random) -> None:
    pen.rectangle((0.43, 0.6, 0.57, 1.0), (98, 66, 40))
    if rng.random() < 0.5:
        for top, half in ((0.4, 0.48), (0.2, 0.38), (0.01, 0.28)):
            pen.polygon(
                [(0.5, top), (0.5 - half, top + 0.36), (0.5 + half, top + 0.36)], pen.base, outlined=True
            )
        return
    for x, y in ((0.3, 0.48), (0.7, 0.48), (0.5, 0.28)):
        pen.ellipse((x - 0.29, y - 0.26, x + 0.29, y + 0.24), pen.base, outlined=True)
    pen.ellipse((0.28, 0.26, 0.72, 0.6), pen.base)
    pen.ellipse((0.34, 0.12, 0.54, 0.28), pen.light)


def _umbrella(pen: _Pen, rng: random.Random) -> None:
    pen.line([(0.5, 0.4), (0.5, 0.94), (0.58, 0.98), (0.66, 0.9)], (84, 60, 44), 1.5)
    pen.arc((0.01, 0.02, 0.99, 1.02), 180, 360, pen.base)
    bends = rng.choice((3, 4))
    for part in range(bends):
        left, right = 0.01 + part * 0.98 / bends, 0.01 + (part + 1) * 0.98 / bends
        if part % 2:
            pen.polygon([(left, 0.52), (0.5, 0.04), (right, 0.52)], pen.light)
        pen.line([(left, 0.52), (0.5, 0.04), (right, 0.52)], pen.edge)


_PAINTERS: MappingProxyType[Kind, Callable[[_Pen, random.Random], None]] = MappingProxyType(
    {
        Kind.BALL: _ball,
        Kind.BALLOON: _balloon,
        Kind.BIRD: _bird,
        Kind.BOAT: _boat,
        Kind.BOX: _box,
        Kind.CAR: _car,
        Kind.CAT: _cat,
        Kind.FISH: _fish,
        Kind.FLOWER: _flower,
        Kind.HOUSE: _house,
        Kind.MOON: _moon,
        Kind.STAR: _star,
        Kind.TREE: _tree,
        Kind.UMBRELLA: _umbrella,
    }
)
