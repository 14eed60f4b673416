"""A heat map: values in [0, 1] by row and column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from autoflow_worker.drawings.svg import element, picture, shade

_WIDE, _HIGH = 120.0, 64.0
_ROW_NAMES, _COLUMN_NAMES = 176.0, 46.0
_LONGEST_ROW, _LONGEST_COLUMN = 21, 15
"""Characters of a name; all of it is in its title."""


@dataclass(frozen=True, slots=True)
class Square:
    """A cell of the map."""

    value: float | None
    """In [0, 1]; None where there is none."""
    title: str
    """What it says to whoever points at it."""


def heat_map(
    rows: Sequence[str],
    columns: Sequence[str],
    squares: Sequence[Sequence[Square]],
    *,
    sides: tuple[str, str],
    label: str,
) -> Markup:
    """The map.

    Args:
        rows: their names, from above.
        columns: their names, from the left.
        squares: row by row.
        sides: what rows and columns are.
        label: what it shows, for those who cannot see it.
    """
    parts = [
        _text(_ROW_NAMES - 10, _COLUMN_NAMES - 28, f"{sides[0]} ↓   {sides[1]} →", anchor="end", soft=True),
        *(
            _name(_left(index) + _WIDE / 2, _COLUMN_NAMES - 10, name, "middle", _LONGEST_COLUMN)
            for index, name in enumerate(columns)
        ),
        *(
            _name(_ROW_NAMES - 10, _top(index) + _HIGH / 2 + 4, name, "end", _LONGEST_ROW)
            for index, name in enumerate(rows)
        ),
    ]
    for row, line in enumerate(squares):
        parts += [_square(row, column, square) for column, square in enumerate(line)]
    return picture(_left(len(columns)), _top(len(rows)), parts, label=label)


def _square(row: int, column: int, square: Square) -> Markup:
    x, y = _left(column), _top(row)
    return element(
        "g",
        element("title", square.title),
        element(
            "rect", x=x + 1, y=y + 1, width=_WIDE - 2, height=_HIGH - 2, rx=4.0, fill=shade(square.value)
        ),
        element(
            "text",
            "none" if square.value is None else f"{square.value:.3f}",
            x=x + _WIDE / 2,
            y=y + _HIGH / 2 + 6,
            fill="#fff",
            text_anchor="middle",
            font_size=17.0,
            font_weight="600",
        ),
    )


def _name(x: float, y: float, name: str, anchor: str, longest: int) -> Markup:
    shown = name if len(name) <= longest else name[: longest - 1] + "…"
    return element("g", element("title", name), _text(x, y, shown, anchor=anchor))


def _text(x: float, y: float, words: str, *, anchor: str, soft: bool = False) -> Markup:
    return element(
        "text",
        words,
        x=x,
        y=y,
        fill="currentColor",
        opacity=0.65 if soft else None,
        text_anchor=anchor,
        font_size=11.0 if soft else 13.0,
    )


def _left(column: int) -> float:
    return _ROW_NAMES + column * _WIDE


def _top(row: int) -> float:
    return _COLUMN_NAMES + row * _HIGH
