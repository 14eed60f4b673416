"""Finds the things of a scene: by colour and shape where they may be, then by templates what they are.

Evidence for a thing is how much better its template explains the pixels under it than what is left and right
of it: the sum over these pixels of min(2, e0² / tolerance²) - min(2, e² / tolerance²), where e0 and e are the
errors without the thing and with it. A thing is told by its outline: where edges are soft, or noise lies over
them, nothing is seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from autoflow.suites.scenes import Colour, Kind, Size, Thing
from autoflow.suites.scenes.model import FLYING
from autoflow_experts.classic.clearness import Clearness
from autoflow_experts.classic.seeing.canvas import SIDE
from autoflow_experts.classic.seeing.templates import (
    EXTENTS,
    MIDDLE,
    Stack,
    Template,
    Templates,
    stacked,
)
from autoflow_experts.pictures import Floats


@dataclass(frozen=True, slots=True)
class Strictness:
    """How exact the eye is."""

    colour: float = 50.0
    """Levels of a channel by which a pixel that is not at all of a colour differs from it."""
    presence: float = 0.15
    """Of the correlation with a shape that is worth a closer look."""
    error: float = 44.0
    """Levels, the tolerance of evidence."""
    grain: float = 1.0
    """How much more an error counts that changes from pixel to pixel."""
    peaks: int = 4
    """How many places of one colour are looked at closely."""
    evidence: float = 0.15
    """For each of its pixels, that a thing needs."""
    sharpness: float = 0.265
    """The share of a thing's strong edges that lies between two pixels, at least."""
    noise: float = 3.3
    """Levels, the deviation of noise on a thing, at most."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A thing and how it was recognised."""

    thing: Thing
    evidence: float
    """At most twice its pixels."""
    left: int
    top: int
    template: Template
    extent: float
    variant: int


@dataclass(frozen=True, slots=True, order=True)
class _Fit:
    """Where a template fits, and how well."""

    least: float
    """The sum of squares between it and the picture."""
    left: int
    top: int


@dataclass(frozen=True, slots=True)
class _Guess:
    """What may be somewhere."""

    kind: Kind
    size: Size
    row: int
    column: int


_MOST = 4
_LEAST = 4.0
"""Squares of 2 by 2 pixels that a colour must have to be looked for."""
_AROUND = 5
"""Such squares from the peak of a colour to the centre of a thing."""
_HYPOTHESES, _REFINED = 7, 4
"""Kinds and sizes that are tried at such a peak, and of all their variants those that are in all extents."""
_MOST_ERROR = 2.0
"""In squares of the tolerance, beyond which a pixel is no worse explained."""
_OUTLINE = 2
"""Pixels around a thing that show how sharp its outline is."""
_SHARPEST = 90.0
_BESIDE = 4
"""Columns on each side of a thing that show what is behind it."""
_REACH, _CLOSE_REACH = 3, 1
"""Pixels around a guess, and around where a template in a middle size fits, at which templates are tried."""


class Finder:
    """Finds things.

    Args:
        templates: what things look like; with one channel or three, as the pictures.
        strictness: how exactly.
    """

    def __init__(self, templates: Templates, strictness: Strictness) -> None:
        self._templates = templates
        self._strictness = strictness

    def find(self, canvas: Floats) -> list[Sighting]:
        """The things from left to right, no two of which share columns; at most four.

        Args:
            canvas: [SIDE, SIDE, channels].
        """
        clearness = Clearness(canvas)
        candidates = [
            sighting
            for colour in Colour
            for guesses in self._guesses(canvas, colour)
            if (sighting := self._recognised(canvas, colour, guesses)) is not None
            and self._is_clear(clearness, sighting)
        ]
        chosen: list[Sighting] = []
        for sighting in sorted(candidates, key=lambda one: -one.evidence):
            if not any(_overlap(sighting, other) for other in chosen):
                chosen.append(sighting)
        return sorted(chosen[:_MOST], key=lambda one: one.thing.x)

    def _guesses(self, canvas: Floats, colour: Colour) -> Iterator[list[_Guess]]:
        """Where a colour has the shape of a thing, and the likeliest shapes there."""
        near = self._templates.closeness(canvas, colour, self._strictness.colour)
        if near.sum() < _LEAST:
            return
        shapes = self._templates.shapes
        names = list(shapes)
        maps = np.stack(
            [cv2.filter2D(near, -1, shapes[name], borderType=cv2.BORDER_CONSTANT) for name in names]
        )
        best = maps.max(axis=0)
        for _ in range(self._strictness.peaks):
            row, column = divmod(int(best.argmax()), best.shape[1])
            if best[row, column] < self._strictness.presence:
                return
            top, left = max(0, row - _AROUND), max(0, column - _AROUND)
            around = maps[:, top : row + _AROUND + 1, left : column + _AROUND + 1]
            flat = around.reshape(len(names), -1)
            guesses = []
            for index in np.argsort(-flat.max(axis=1))[:_HYPOTHESES]:
                y, x = divmod(int(flat[index].argmax()), around.shape[2])
                kind, size = names[index]
                guesses.append(_Guess(kind, size, 2 * (top + y) + 1, 2 * (left + x) + 1))
            yield guesses
            best[top : row + _AROUND + 1, left : column + _AROUND + 1] = 0

    def _recognised(self, canvas: Floats, colour: Colour, guesses: list[_Guess]) -> Sighting | None:
        """The best thing of a colour that was guessed at, if any is there."""
        # First every variant in a middle size, then the best of them in all sizes.
        rough = sorted(
            (self._loss(fit, stack.areas[variant], canvas), number, variant, fit)
            for number, guess in enumerate(guesses)
            for stack in [self._templates.stack(guess.kind, colour, MIDDLE[guess.size])]
            for variant, fit in enumerate(_fits(canvas, stack, guess))
        )
        exact = [
            self._refined(canvas, guesses[number], colour, variant, fit)
            for _, number, variant, fit in rough[:_REFINED]
        ]
        sound = [one for one in exact if one and _is_sound(one.thing) and self._is_seen(one)]
        return max(sound, key=lambda one: one.evidence, default=None)

    def _is_seen(self, sighting: Sighting) -> bool:
        return sighting.evidence >= self._strictness.evidence * sighting.template.area

    def _is_clear(self, clearness: Clearness, sighting: Sighting) -> bool:
        height, width = sighting.template.mask.shape
        part = (
            slice(max(0, sighting.top - _OUTLINE), sighting.top + height + _OUTLINE),
            slice(max(0, sighting.left - _OUTLINE), sighting.left + width + _OUTLINE),
        )
        sharpness = clearness.sharpness(_SHARPEST, part)
        is_sharp = sharpness is None or sharpness >= self._strictness.sharpness
        return is_sharp and clearness.noise(part) <= self._strictness.noise

    def _loss(self, fit: _Fit, area: float, canvas: Floats) -> float:
        """How badly a template fits, less what it covers: negative where it explains more than it errs."""
        return float(fit.least / (canvas.shape[2] * self._strictness.error**2) - area)

    def _refined(
        self, canvas: Floats, guess: _Guess, colour: Colour, variant: int, rough: _Fit
    ) -> Sighting | None:
        """A variant in the size in which it fits best; None at the picture's edge."""
        fitted = [
            (self._loss(fit, template.area, canvas), extent, template, fit)
            for extent in EXTENTS[guess.size]
            for template in [self._templates.of(guess.kind, colour, extent)[variant]]
            if (fit := _closest(canvas, template, rough)) is not None
        ]
        if not fitted:
            return None
        _, extent, template, fit = min(fitted, key=lambda one: one[:2])
        left, top = fit.left, fit.top
        height, width = template.mask.shape
        apart = canvas[top : top + height, left : left + width] - template.pixels
        # What changes from pixel to pixel counts more: things are smooth, and their edges are sharp.
        grain = apart - cv2.blur(apart, (3, 3)).reshape(apart.shape)
        squares = apart * apart + self._strictness.grain * grain * grain
        error = np.minimum(squares.mean(axis=2) / self._strictness.error**2, _MOST_ERROR)
        evidence = float(((self._without(canvas, left, top, height, width) - error) * template.mask).sum())
        thing = _thing(guess.kind, colour, guess.size, template, left, top)
        return Sighting(thing, evidence, left, top, template, extent, variant)

    def _without(self, canvas: Floats, left: int, top: int, height: int, width: int) -> Floats:
        """The error of a part where it is taken for what is left and right of it, [height, width]."""
        rows = canvas[top : top + height]
        beside = np.concatenate(
            [rows[:, max(0, left - _BESIDE) : left], rows[:, left + width : left + width + _BESIDE]], axis=1
        )
        apart = rows[:, left : left + width] - beside.mean(axis=1, keepdims=True)
        error: Floats = np.minimum((apart * apart).mean(axis=2) / self._strictness.error**2, _MOST_ERROR)
        return error


def _fits(canvas: Floats, stack: Stack, guess: _Guess) -> list[_Fit]:
    """Where each variant fits best around a guess; none at the picture's edge."""
    height, width = stack.shape
    top, left = guess.row - height // 2, guess.column - width // 2
    return _best(canvas, stack, top, left, _REACH)


def _closest(canvas: Floats, template: Template, rough: _Fit) -> _Fit | None:
    """Where a template fits best around a place where a like one does; None at the picture's edge."""
    return next(iter(_best(canvas, stacked([template]), rough.top, rough.left, _CLOSE_REACH)), None)


def _best(canvas: Floats, stack: Stack, top: int, left: int, reach: int) -> list[_Fit]:
    """Where each template of a stack fits best with its corner near a place; none at the picture's edge."""
    height, width = stack.shape
    top, left = max(0, top - reach), max(0, left - reach)
    window = canvas[top : top + height + 2 * reach, left : left + width + 2 * reach]
    if window.shape[0] < height or window.shape[1] < width:
        return []
    patches = sliding_window_view(window, (height, width), axis=(0, 1))
    squares = sliding_window_view(np.square(window).sum(axis=2), (height, width))
    rows, columns = squares.shape[:2]
    # |p - t|^2 = |p|^2 - 2 p t + |t|^2, each where t is.
    errors = squares.reshape(rows * columns, -1) @ stack.masks
    errors += stack.squares - 2 * (patches.reshape(rows * columns, -1) @ stack.masked)
    return [
        _Fit(float(errors[at, index]), left + int(at) % columns, top + int(at) // columns)
        for index, at in enumerate(errors.argmin(axis=0))
    ]


def _thing(kind: Kind, colour: Colour, size: Size, template: Template, left: int, top: int) -> Thing:
    height, width = template.mask.shape
    x, y = (left + width / 2) / SIDE, (top + height / 2) / SIDE
    return Thing(kind, colour, size, x, y, max(height, width) / SIDE)


def _is_sound(thing: Thing) -> bool:
    """Whether such a thing is at such a height."""
    return thing.box.top < 0.22 if thing.kind in FLYING else thing.box.bottom > 0.66


def _overlap(one: Sighting, other: Sighting) -> bool:
    a, b = one.thing.box, other.thing.box
    return min(a.right, b.right) - max(a.left, b.left) > 0.03
