"""What a scene holds, chosen by a seed, and what it is called: no drawing and no words here.

The scenes of training, of tests and of suites are disjoint by content: every scene's description belongs to
one `Purpose`, decided by its hash, and `scene` draws until it meets a description of the purpose that is
asked for. So no tower ever saw, in any texture or layout, a scene on which something is measured.

Left out: things that overlap, several things alike, motion.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from itertools import pairwise


class Purpose(StrEnum):
    """What a scene is used for; no description serves two purposes."""

    TRAINING = "training"
    """The shipped towers learn from these."""
    HELD_OUT = "held out"
    """The shipped towers are measured on these."""
    SUITE = "suite"
    """The data of task suites."""


class Place(StrEnum):
    """Where a scene is: the class of its picture."""

    BEACH = "beach"
    CITY = "city"
    DESERT = "desert"
    FOREST = "forest"
    MEADOW = "meadow"
    MOUNTAINS = "mountains"
    ROOM = "room"
    SEA = "sea"


class Time(StrEnum):
    """When a scene is; in a room, its window shows it."""

    DAY = "day"
    SUNSET = "sunset"
    NIGHT = "night"


class Kind(StrEnum):
    """What a thing is."""

    BALL = "ball"
    BALLOON = "balloon"
    BIRD = "bird"
    BOAT = "boat"
    BOX = "box"
    CAR = "car"
    CAT = "cat"
    FISH = "fish"
    FLOWER = "flower"
    HOUSE = "house"
    MOON = "moon"
    STAR = "star"
    TREE = "tree"
    UMBRELLA = "umbrella"


class Colour(StrEnum):
    """A thing's colour. From dark to light: the brightness alone tells them apart, also in a grey picture."""

    BLACK = "black"
    PURPLE = "purple"
    BLUE = "blue"
    RED = "red"
    GREEN = "green"
    ORANGE = "orange"
    YELLOW = "yellow"
    WHITE = "white"


class Size(StrEnum):
    """How large a thing is drawn."""

    SMALL = "small"
    LARGE = "large"


class Attribute(StrEnum):
    """What tells two scenes apart."""

    PLACE = "place"
    TIME = "time"
    KIND = "kind"
    COLOUR = "colour"
    SIZE = "size"


FLYING = frozenset({Kind.BALLOON, Kind.BIRD, Kind.MOON, Kind.STAR})
"""The kinds that are above the horizon; the others stand below it."""

ASPECTS = {
    Kind.BIRD: (1.0, 0.6),
    Kind.BALLOON: (0.7, 1.0),
    Kind.BOAT: (1.0, 0.95),
    Kind.CAR: (1.0, 0.55),
    Kind.CAT: (0.85, 1.0),
    Kind.FISH: (1.0, 0.6),
    Kind.FLOWER: (0.7, 1.0),
    Kind.TREE: (0.8, 1.0),
}
"""Width and height as shares of a thing's extent; (1, 1) where none is given."""

HORIZON = 0.58
"""The height of the horizon, from the top, as a share of the picture's height."""

_EXTENTS = {Size.SMALL: (0.145, 0.17), Size.LARGE: (0.26, 0.29)}
_MARGIN = 0.02
_TRIES = 300


@dataclass(frozen=True, slots=True)
class Box:
    """Where something is, in shares of the picture's width and height, from its left top corner."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Thing:
    """One thing in a scene."""

    kind: Kind
    colour: Colour
    size: Size
    x: float
    """The centre's distance from the left, as a share of the picture's width."""
    y: float
    """The centre's distance from the top, as a share of the picture's height."""
    extent: float
    """The longer side, as a share of the picture's side."""

    @property
    def box(self) -> Box:
        """Where the thing is."""
        width, height = (share * self.extent / 2 for share in ASPECTS.get(self.kind, (1.0, 1.0)))
        return Box(self.x - width, self.y - height, self.x + width, self.y + height)


@dataclass(frozen=True)
class Scene:
    """A place at a time, with one to four things from left to right, no two of equal kind and colour."""

    place: Place
    time: Time
    things: tuple[Thing, ...]
    texture: int
    """The seed of what has no words: hills, clouds, waves, grain."""

    @cached_property
    def description(self) -> str:
        """All that words can say about the scene, in a fixed form."""
        things = ",".join(f"{thing.size} {thing.colour} {thing.kind}" for thing in self.things)
        return f"{self.place}|{self.time}|{things}"

    @cached_property
    def purpose(self) -> Purpose:
        """What a scene of this description may be used for."""
        share = hashlib.sha256(self.description.encode()).digest()[0]
        return Purpose.TRAINING if share < 160 else Purpose.HELD_OUT if share < 208 else Purpose.SUITE


def scene(seed: int, purpose: Purpose = Purpose.SUITE) -> Scene:
    """The scene of that number. Equal arguments give equal scenes, on every machine."""
    rng = random.Random(f"scene {purpose} {seed}")
    return next(drawn for drawn in _scenes(rng) if drawn.purpose is purpose)


def near_miss(original: Scene, seed: int, purpose: Purpose | None = None) -> tuple[Scene, Attribute]:
    """A scene that differs from another in one attribute of one thing or of the whole, and which attribute.

    Args:
        original: the scene that is nearly described.
        seed: chooses the attribute and its new value.
        purpose: what the answer is to serve; the original's own purpose if None. About one scene in a
            thousand has no neighbour of a rare purpose; its near miss is of another.
    """
    wanted = purpose or original.purpose
    rng = random.Random(f"near miss {original.description} {seed}")
    drawn = (_sound_change(original, rng) for _ in range(_TRIES))
    return next((found for found in drawn if found[0].purpose is wanted), None) or _sound_change(
        original, rng
    )


def _scenes(rng: random.Random) -> Iterator[Scene]:
    while True:
        number = rng.choices((1, 2, 3, 4), (3, 6, 5, 2))[0]
        names = rng.sample([(kind, colour) for kind in Kind for colour in Colour], number)
        sizes = [rng.choice(list(Size)) for _ in names]
        if sizes.count(Size.LARGE) <= 4 - number // 2:
            things = _laid_out(names, sizes, rng)
            yield Scene(rng.choice(list(Place)), rng.choice(list(Time)), things, rng.getrandbits(32))


def _laid_out(names: list[tuple[Kind, Colour]], sizes: list[Size], rng: random.Random) -> tuple[Thing, ...]:
    """Things side by side, with gaps of random width."""
    extents = [rng.uniform(*_EXTENTS[size]) for size in sizes]
    weights = [rng.uniform(0.3, 1.0) for _ in range(len(names) + 1)]
    gap = (1 - 2 * _MARGIN - sum(extents)) / sum(weights)
    things: list[Thing] = []
    left = _MARGIN
    for (kind, colour), size, extent, weight in zip(names, sizes, extents, weights, strict=False):
        left += gap * weight
        height = extent * ASPECTS.get(kind, (1.0, 1.0))[1]
        y = rng.uniform(0.05, 0.16) + height / 2 if kind in FLYING else rng.uniform(0.72, 0.95) - height / 2
        things.append(Thing(kind, colour, size, left + extent / 2, y, extent))
        left += extent
    return tuple(things)


def _sound_change(original: Scene, rng: random.Random) -> tuple[Scene, Attribute]:
    """A change that can be drawn; one of the place always can."""
    while True:
        attribute = rng.choice(list(Attribute))
        changed = _changed(original, attribute, rng)
        if _is_sound(changed):
            return changed, attribute


def _changed(original: Scene, attribute: Attribute, rng: random.Random) -> Scene:
    if attribute is Attribute.PLACE:
        return replace(original, place=rng.choice([p for p in Place if p is not original.place]))
    if attribute is Attribute.TIME:
        return replace(original, time=rng.choice([t for t in Time if t is not original.time]))
    index = rng.randrange(len(original.things))
    thing = _changed_thing(original.things[index], attribute, rng)
    return replace(original, things=(*original.things[:index], thing, *original.things[index + 1 :]))


def _changed_thing(thing: Thing, attribute: Attribute, rng: random.Random) -> Thing:
    if attribute is Attribute.COLOUR:
        return replace(thing, colour=rng.choice([c for c in Colour if c is not thing.colour]))
    if attribute is Attribute.KIND:
        same_height = [k for k in Kind if k is not thing.kind and (k in FLYING) == (thing.kind in FLYING)]
        return replace(thing, kind=rng.choice(same_height))
    size = Size.SMALL if thing.size is Size.LARGE else Size.LARGE
    low, high = _EXTENTS[size]
    return replace(thing, size=size, extent=rng.uniform(low, high))


def _is_sound(drawn: Scene) -> bool:
    """Whether all things have names of their own, side by side within the picture."""
    names = {(thing.kind, thing.colour) for thing in drawn.things}
    edges = [0.0, *(edge for thing in drawn.things for edge in (thing.box.left, thing.box.right)), 1.0]
    return len(names) == len(drawn.things) and all(a <= b for a, b in pairwise(edges))
