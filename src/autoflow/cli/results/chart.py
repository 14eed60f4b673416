"""The reward curve as a picture: learning on the left, what the sealed test says on the right."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from autoflow.cli.results.summary import BASELINE, BEST, CONTROL, EXPERT, Interval, Summary

# Okabe and Ito's palette, which the colour-blind can tell apart.
_BLUE, _SKY, _GREEN, _ORANGE, _PURPLE, _INK = "#0072B2", "#56B4E9", "#009E73", "#D55E00", "#AA4499", "#333333"
_LINES = {BASELINE: _ORANGE, EXPERT: _PURPLE}
_SIZE = (10.5, 5.6)
"""Inches."""
_DPI = 150
_LABEL_GAP = 0.055
"""Of the axis' range, between two labels."""
_RANGE = (-0.02, 1.04)


def draw(summary: Summary, path: Path) -> None:
    """Writes the picture as a PNG.

    Args:
        summary: what a run found.
        path: the file.

    Raises:
        OSError: it cannot be written.
    """
    figure = Figure(figsize=_SIZE)
    figure.set_layout_engine("constrained", w_pad=0.12, h_pad=0.1)
    # No window and no global state: a picture is all that is wanted.
    FigureCanvasAgg(figure)
    learning, test = figure.subplots(1, 2, sharey=True, width_ratios=(5, 3))
    _draw_learning(learning, summary)
    _draw_test(test, summary)
    _draw_references(learning, test, summary)
    for axes in (learning, test):
        _clean(axes)
    figure.suptitle(
        f"Learning to write workflows: {summary.suite}, {summary.method}, seed {summary.seed}",
        fontsize=13,
        fontweight="bold",
        color=_INK,
    )
    # Without the version of matplotlib, equal results make equal files.
    figure.savefig(path, dpi=_DPI, format="png", metadata={"Software": None})


def spread(positions: Sequence[float], gap: float, lowest: float, highest: float) -> list[float]:
    """Moves labels apart, as little as may be and without changing their order.

    Args:
        positions: where they would stand best.
        gap: the least distance of two.
        lowest: bound of all positions.
        highest: bound of all positions; gives way where there are too many labels.
    """
    order = sorted(range(len(positions)), key=lambda index: positions[index])
    placed = [0.0] * len(positions)
    floor = lowest
    for index in order:
        placed[index] = max(positions[index], floor)
        floor = placed[index] + gap
    ceiling = max(highest, lowest + gap * (len(positions) - 1))
    for index in reversed(order):
        placed[index] = min(placed[index], ceiling)
        ceiling = placed[index] - gap
    return placed


def _draw_learning(axes: Axes, summary: Summary) -> None:
    indices = range(1, len(summary.iterations) + 1)
    means = [iteration.reward_mean for iteration in summary.iterations]
    highest = [iteration.reward_max for iteration in summary.iterations]
    # A single iteration would be an invisible line.
    marker = "o" if len(summary.iterations) <= 60 else ""
    axes.fill_between(indices, means, highest, color=_SKY, alpha=0.15, linewidth=0)
    curves = (("best candidate", highest, _SKY, 1.2), ("mean of the candidates", means, _BLUE, 2.2))
    for label, values, colour, width in curves:
        axes.plot(
            indices, values, color=colour, linewidth=width, marker=marker, markersize=2 * width, label=label
        )
    axes.set_title("Reward while learning, on training tasks", fontsize=10.5, color=_INK, loc="left")
    axes.set_xlabel("iteration")
    axes.set_ylabel("mean reward of a workflow")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylim(*_RANGE)
    if summary.iterations:
        axes.legend(loc="lower right", frameon=True, framealpha=0.9, edgecolor="none", fontsize=9)


def _draw_test(axes: Axes, summary: Summary) -> None:
    marks: list[tuple[str, Interval, str, str]] = []
    if summary.policy is not None:
        marks += [
            ("policy\nbefore", summary.policy.before, _SKY, "o"),
            ("policy\nafter", summary.policy.after, _BLUE, "o"),
        ]
    for name, colour in ((CONTROL, "#777777"), (BEST, _GREEN)):
        if name in summary.scores:
            marks.append((name, summary.scores[name].reward, colour, "D"))
    for place, (_, reward, colour, marker) in enumerate(marks):
        errors = [[max(reward.mean - reward.low, 0.0)], [max(reward.high - reward.mean, 0.0)]]
        axes.errorbar(
            place, reward.mean, yerr=errors, color=colour, marker=marker, markersize=8, capsize=5, linewidth=2
        )
        axes.annotate(
            f"{reward.mean:.2f}",
            (place, reward.mean),
            xytext=(9, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
            color=_INK,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.0},
        )
    if summary.policy is not None:
        means = (summary.policy.before.mean, summary.policy.after.mean)
        axes.plot((0, 1), means, color=_BLUE, alpha=0.35, zorder=1)
    axes.set_xticks(range(len(marks)), [label for label, _, _, _ in marks])
    axes.set_xlim(-0.5, max(len(marks), 1) - 0.35)
    axes.spines["left"].set_visible(False)
    axes.set_title("On sealed test tasks, 95% intervals", fontsize=10.5, color=_INK, loc="left")


def _draw_references(learning: Axes, test: Axes, summary: Summary) -> None:
    """The lines across both halves, named at the right."""
    lines = [("ceiling", summary.ceiling, _INK)]
    lines += [
        (name, summary.scores[name].reward.mean, colour)
        for name, colour in _LINES.items()
        if name in summary.scores
    ]
    heights = spread([height for _, height, _ in lines], _LABEL_GAP, *_RANGE)
    for (name, value, colour), height in zip(lines, heights, strict=True):
        for axes in (learning, test):
            axes.axhline(value, color=colour, linestyle=(0, (5, 3)), linewidth=1.3, zorder=1)
        test.annotate(
            f"{name} {value:.2f}",
            (1.02, height),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=9.5,
            color=colour,
            annotation_clip=False,
        )


def _clean(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e6e6e6", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=_INK, length=3)
