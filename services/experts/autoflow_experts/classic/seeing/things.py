"""Finds the things of a scene: by colour and shape where they may be, then by templates what they are.

Evidence for a thing is how much better its template explains the pixels under it than "anything": the sum
over these pixels of 1 - min(2, error² / tolerance²). So noise and soft edges, which no template has, speak
against everything alike, and a picture that has much of them shows nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from autoflow.suites.scenes import Colour, Kind, Size, Thing
from autoflow.suites.scenes.model import FLYING
from autoflow.suites.scenes.shapes import PALETTE
from autoflow_experts.classic.pictures import Floats
from autoflow_experts.classic.seeing.canvas import SIDE
from autoflow_experts.classic.seeing.templates import EXTENTS, MIDDLE, VARIANTS, Template, Templates


@dataclass(frozen=True, slots=True)
class Strictness:
    """How exact the eye is."""

    colour: float = 50.0
    """Levels of a channel by which a pixel that is not at all of a colour differs from it."""
    presence: float = 0.22
    """Of the correlation with a shape that is worth a closer look."""
    error: float = 36.0
    """Levels, the tolerance of evidence."""
    grain: float = 1.0
    """How much more an error counts that changes from pixel to pixel."""
    peaks: int = 4
    """How many places of one colour are looked at closely."""
    evidence: float = 0.3
    """The share of the evidence of a perfect match that a thing needs."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A thing and how it was recognised."""

    thing: Thing
    evidence: float
    """In pixels that are matched exactly."""
    left: int
    top: int
    template: Template
    extent: float
    variant: int


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
_HYPOTHESES = 7
_REFINED = 4
_REACH = 3


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
        candidates = [
            sighting
            for colour in Colour
            for guesses in self._guesses(canvas, colour)
            if (sighting := self._recognised(canvas, colour, guesses)) is not None
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
            (self._error(canvas, guess, colour, MIDDLE[guess.size], variant), number, variant)
            for number, guess in enumerate(guesses)
            for variant in range(VARIANTS)
        )
        exact = [
            self._placed(canvas, guesses[number], colour, extent, variant)
            for _, number, variant in rough[:_REFINED]
            for extent in EXTENTS[guesses[number].size]
        ]
        sound = [one for one in exact if one and _is_sound(one.thing) and self._is_seen(one)]
        return max(sound, key=lambda one: one.evidence, default=None)

    def _is_seen(self, sighting: Sighting) -> bool:
        return sighting.evidence >= self._strictness.evidence * sighting.template.area

    def _error(self, canvas: Floats, guess: _Guess, colour: Colour, extent: float, variant: int) -> float:
        """How badly a template fits, less what it covers: negative where it explains more than it errs."""
        template = self._templates.of(guess.kind, colour, extent)[variant]
        fit = _fit(canvas, template, guess)
        if fit is None:
            return 0.0
        least, _, _ = fit
        return float(least / (template.pixels.shape[2] * self._strictness.error**2) - template.area)

    def _placed(
        self, canvas: Floats, guess: _Guess, colour: Colour, extent: float, variant: int
    ) -> Sighting | None:
        """A template where it fits best; None at the picture's edge."""
        template = self._templates.of(guess.kind, colour, extent)[variant]
        fit = _fit(canvas, template, guess)
        if fit is None:
            return None
        _, left, top = fit
        height, width = template.mask.shape[:2]
        apart = canvas[top : top + height, left : left + width] - template.pixels
        # What changes from pixel to pixel counts more: things are smooth, and their edges are sharp.
        grain = apart - cv2.blur(apart, (3, 3)).reshape(apart.shape)
        squares = apart * apart + self._strictness.grain * grain * grain
        error = squares.mean(axis=2) / self._strictness.error**2
        evidence = float(((1 - np.minimum(error, 2)) * template.mask[..., 0]).sum())
        evidence -= self._unbounded(canvas, template, colour, left, top)
        thing = _thing(guess.kind, colour, guess.size, template, left, top)
        return Sighting(thing, evidence, left, top, template, extent, variant)

    def _unbounded(self, canvas: Floats, template: Template, colour: Colour, left: int, top: int) -> float:
        """How many pixels right outside a thing have its colour: where it ends nowhere, it is none."""
        base = self._templates.lightness(PALETTE[colour])
        height, width = template.rim.shape
        up, before = max(0, 2 - top), max(0, 2 - left)
        around = canvas[max(0, top - 2) : top - 2 + height, max(0, left - 2) : left - 2 + width]
        rim = template.rim[up : up + around.shape[0], before : before + around.shape[1]]
        error = ((around - base) ** 2).mean(axis=2) / self._strictness.error**2
        return float((np.maximum(0, 1 - error) * rim).sum())


def _fit(canvas: Floats, template: Template, guess: _Guess) -> tuple[float, int, int] | None:
    """The least sum of squares around a guess, and the left top corner there; None at the picture's edge."""
    height, width = template.mask.shape[:2]
    top, left = max(0, guess.row - height // 2 - _REACH), max(0, guess.column - width // 2 - _REACH)
    window = canvas[top : top + height + 2 * _REACH + 1, left : left + width + 2 * _REACH + 1]
    if window.shape[0] < height or window.shape[1] < width:
        return None
    errors = cv2.matchTemplate(window, template.pixels, cv2.TM_SQDIFF, mask=template.mask)
    least, _, (x, y), _ = cv2.minMaxLoc(errors)
    return least, left + x, top + y


def _thing(kind: Kind, colour: Colour, size: Size, template: Template, left: int, top: int) -> Thing:
    height, width = template.mask.shape[:2]
    x, y = (left + width / 2) / SIDE, (top + height / 2) / SIDE
    return Thing(kind, colour, size, x, y, max(height, width) / SIDE)


def _is_sound(thing: Thing) -> bool:
    """Whether such a thing is at such a height."""
    return thing.box.top < 0.22 if thing.kind in FLYING else thing.box.bottom > 0.66


def _overlap(one: Sighting, other: Sighting) -> bool:
    a, b = one.thing.box, other.thing.box
    return min(a.right, b.right) - max(a.left, b.left) > 0.03
