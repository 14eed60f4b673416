"""How the rewards of a run went, iteration by iteration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from autoflow_worker.drawings.svg import element, path, picture

_WIDTH, _HEIGHT = 720.0, 260.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 40.0, 12.0, 12.0, 34.0
_MOST_DOTS = 60
"""Iterations up to which each has a dot."""
_MOST_LABELS = 12


@dataclass(frozen=True, slots=True)
class Point:
    """An iteration's rewards, in [0, 1]."""

    mean: float
    low: float
    """Of the interval of the mean over candidates."""
    high: float
    best: float
    """The best candidate's."""


def curve(points: Sequence[Point], *, label: str) -> Markup:
    """Draws the mean with its interval, and the best.

    Args:
        points: one an iteration, at least one.
        label: what it shows, for those who cannot see it.
    """
    return picture(_WIDTH, _HEIGHT, _parts(points), label=label)


def _parts(points: Sequence[Point]) -> Iterator[Markup]:
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = _y(tick)
        yield element("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=y, y2=y, stroke="var(--line)")
        yield _text(f"{tick:g}", _LEFT - 6, y + 4, "end")
    every = -(-len(points) // _MOST_LABELS)
    for index in range(0, len(points), every):
        yield _text(str(index + 1), _x(index, len(points)), _HEIGHT - _BOTTOM + 16, "middle")
    yield _text("iteration", _WIDTH - _RIGHT, _HEIGHT - 4, "end")
    places = [_x(index, len(points)) for index in range(len(points))]
    band = [(x, _y(point.high)) for x, point in zip(places, points, strict=True)]
    band += [(x, _y(point.low)) for x, point in reversed(list(zip(places, points, strict=True)))]
    if len(points) > 1:
        yield element("path", d=f"{path(band)} Z", fill="var(--mark)", fill_opacity="0.15")
    means = [(x, _y(point.mean)) for x, point in zip(places, points, strict=True)]
    best = [(x, _y(point.best)) for x, point in zip(places, points, strict=True)]
    yield element(
        "path", d=path(best), fill="none", stroke="var(--soft)", stroke_width=1.5, stroke_dasharray="4 3"
    )
    yield element("path", d=path(means), fill="none", stroke="var(--mark)", stroke_width=2)
    if len(points) <= _MOST_DOTS:
        for index, (point, (x, y)) in enumerate(zip(points, means, strict=True)):
            told = f"iteration {index + 1}: mean {point.mean:.3f} ({point.low:.3f} to {point.high:.3f}), "
            told += f"best {point.best:.3f}"
            yield element("circle", element("title", told), cx=x, cy=y, r=3.5, fill="var(--mark)")


def _text(text: str, x: float, y: float, anchor: str) -> Markup:
    return element("text", text, x=x, y=y, text_anchor=anchor, font_size=11, fill="var(--soft)")


def _x(index: int, count: int) -> float:
    span = _WIDTH - _LEFT - _RIGHT
    return _LEFT + (span * (index + 0.5) / count)


def _y(reward: float) -> float:
    return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - max(0.0, min(1.0, reward)))
