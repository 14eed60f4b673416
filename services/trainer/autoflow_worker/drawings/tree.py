"""Where candidates come from: a column for each iteration, a line from each parent to its child."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from autoflow_worker.drawings.svg import element, picture, shade

_ROW, _TOP, _LEFT = 18.0, 24.0, 16.0
_WIDEST_COLUMN, _NARROWEST_COLUMN, _WIDTH = 56.0, 16.0, 720.0
_MOST_ROWS = 64
"""Candidates of an iteration that are drawn."""


@dataclass(frozen=True, slots=True)
class Node:
    """A candidate."""

    digest: str
    """Empty where it is no valid workflow."""
    parents: tuple[str, ...]
    """Digests, the nearest first."""
    reward: float | None
    title: str
    """What is told where somebody points at it."""
    kept: bool = True
    """Whether it was searched on from; others are drawn small."""
    winner: bool = False


def tree(iterations: Sequence[Sequence[Node]], *, label: str) -> Markup:
    """Draws the candidates, the lines under them.

    Args:
        iterations: the candidates of each; a digest that comes again is another dot without lines from it.
        label: what it shows, for those who cannot see it.
    """
    column = max(_NARROWEST_COLUMN, min(_WIDEST_COLUMN, (_WIDTH - 2 * _LEFT) / max(1, len(iterations))))
    rows = max((min(len(nodes), _MOST_ROWS) for nodes in iterations), default=1)
    width, height = 2 * _LEFT + column * len(iterations), _TOP + _ROW * rows + _LEFT
    parts = [*_lines(iterations, column), *_dots(iterations, column), *_heads(len(iterations), column)]
    return picture(width, height, parts, label=label, at_most=width <= _WIDTH)


def _place(iteration: int, row: int, column: float) -> tuple[float, float]:
    return _LEFT + column * (iteration + 0.5), _TOP + _ROW * (row + 0.5)


def _drawn(iterations: Sequence[Sequence[Node]]) -> Iterator[tuple[int, int, Node]]:
    for index, nodes in enumerate(iterations):
        for row, node in enumerate(nodes[:_MOST_ROWS]):
            yield index, row, node


def _lines(iterations: Sequence[Sequence[Node]], column: float) -> Iterator[Markup]:
    places: dict[str, tuple[float, float]] = {}
    for index, row, node in _drawn(iterations):
        at = _place(index, row, column)
        for order, parent in enumerate(node.parents[:2]):
            if parent in places:
                x, y = places[parent]
                middle = (x + at[0]) / 2
                bend = (
                    f"M{x:.1f} {y:.1f} C{middle:.1f} {y:.1f} {middle:.1f} {at[1]:.1f} {at[0]:.1f} {at[1]:.1f}"
                )
                yield element(
                    "path",
                    d=bend,
                    fill="none",
                    stroke="var(--soft)",
                    stroke_opacity="0.3" if order else "0.6",
                )
        if node.digest:
            places.setdefault(node.digest, at)


def _dots(iterations: Sequence[Sequence[Node]], column: float) -> Iterator[Markup]:
    for index, row, node in _drawn(iterations):
        x, y = _place(index, row, column)
        colour = shade(node.reward) if node.digest else "none"
        yield element(
            "circle",
            element("title", node.title),
            cx=x,
            cy=y,
            r=6.5 if node.winner else 5 if node.kept else 3,
            fill=colour,
            stroke="var(--ink)" if node.winner else "var(--soft)",
            stroke_width=2.5 if node.winner else 1,
            stroke_dasharray=None if node.digest else "2 2",
        )


def _heads(count: int, column: float) -> Iterator[Markup]:
    every = max(1, round(28 / column))
    for index in range(0, count, every):
        x = _LEFT + column * (index + 0.5)
        yield element(
            "text", str(index + 1), x=x, y=14, text_anchor="middle", font_size=11, fill="var(--soft)"
        )
