"""Elements of a drawing."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup, escape

GREEN, YELLOW, RED = "#1a7f37", "#9a6700", "#b42318"
"""Added, changed and removed."""


def element(name: str, /, *content: str | Markup, **attributes: str | float | None) -> Markup:
    """An element; what is not `Markup` is escaped.

    Args:
        name: its name, one of ours.
        content: what is in it.
        attributes: `stroke_width` is written `stroke-width`; None is left out, numbers have one decimal.
    """
    written = "".join(
        f' {key.replace("_", "-")}="{escape(_value(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inner = Markup("").join(content)
    return Markup(f"<{name}{written}>{inner}</{name}>")


def picture(
    width: float, height: float, parts: Iterable[Markup], *, label: str, at_most: bool = True
) -> Markup:
    """The whole drawing.

    Args:
        width: its own units across.
        height: its own units down.
        parts: its elements.
        label: what it shows, for those who cannot see it.
        at_most: whether it may become smaller where there is no room; else whoever looks at it scrolls.
    """
    # No smaller than can be read on a phone, which scrolls then.
    least = f"min({_value(width)}px,28rem)" if at_most else f"{_value(width)}px"
    style = f"width:100%;max-width:{_value(width)}px;min-width:{least}"
    return element(
        "svg",
        element("title", label),
        *parts,
        viewBox=f"0 0 {_value(width)} {_value(height)}",
        xmlns="http://www.w3.org/2000/svg",
        role="img",
        style=f"{style};height:auto;display:block",
    )


def path(points: Iterable[tuple[float, float]]) -> str:
    """A line through points, for the attribute `d`."""
    return " ".join(f"{'L' if index else 'M'}{x:.1f} {y:.1f}" for index, (x, y) in enumerate(points))


def shade(reward: float | None) -> str:
    """The colour of a reward: from red over yellow to green; grey where there is none."""
    if reward is None:
        return "#8c9199"
    return f"hsl({round(120 * max(0.0, min(1.0, reward)))} 60% 42%)"


def _value(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.1f}".removesuffix(".0")
