"""What a gain may have been bought with: another metric that went the other way, and steps, tokens and cost.

Whatever is optimised is gamed sooner or later. A metric that was not optimised, on the same tasks, shows it:
where it gets worse while the optimised one gets better, a person should look. `strong` means that both
intervals say so, which luck does in one case of forty where nothing was lost; `weak` that the other metric's
mean is below zero by half of what its interval reaches to that side, some standard error, which luck does in
one case of six. (Its minimum detectable effect would be no threshold: a mean so far below zero has an
interval below zero.)

Not seen: both metrics being wrong in the same way, and a metric that is deaf to what was lost.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from autoflow_worker.statistics import Estimate

MUCH = 1.25
"""Times the incumbent's use from which growth is told."""


class Strength(StrEnum):
    """How surely two metrics disagree."""

    STRONG = "strong"
    """The other's interval lies below zero."""
    WEAK = "weak"
    """The other's mean is below zero by about its standard error."""


@dataclass(frozen=True, slots=True)
class Metric:
    """What a metric says of two workflows on the same tasks."""

    name: str
    difference: Estimate
    """The winner's minus the incumbent's."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Two metrics of which one got better and the other worse."""

    strength: Strength
    sentence: str
    """For a person."""


def disagreement(optimised: Metric, other: Metric) -> Disagreement | None:
    """Tells whether a metric that was not optimised contradicts the one that was.

    Args:
        optimised: nothing is told unless its interval lies above zero.
        other: on the same tasks.

    Returns:
        What they disagree on; None where they do not.
    """
    gained, lost = optimised.difference, other.difference
    if gained.low <= 0:
        return None
    if lost.high < 0:
        strength, means = Strength.STRONG, "its interval lies below zero"
    elif lost.mean < -(lost.mean - lost.low) / 2:
        strength, means = Strength.WEAK, "which may be luck"
    else:
        return None
    sentence = (
        f"{optimised.name}, which was optimised, differs by {_shown(gained)}, "
        f"but {other.name}, which was not, by {_shown(lost)}: {means}"
    )
    return Disagreement(strength, sentence)


def _shown(estimate: Estimate) -> str:
    return f"{estimate.mean:+.3f} ({estimate.low:+.3f} to {estimate.high:+.3f})"


@dataclass(frozen=True, slots=True)
class Growth:
    """What the winner uses more of than the incumbent."""

    what: str
    """Such as `steps`, `tokens` or `USD`, for each execution."""
    winner: float
    incumbent: float

    @property
    def ratio(self) -> float:
        """How many times the incumbent's use; infinite where that used none."""
        return self.winner / self.incumbent if self.incumbent else math.inf

    @property
    def sentence(self) -> str:
        """For a person."""
        used = f"the winner uses {self.winner:.4g} {self.what}, the incumbent {self.incumbent:.4g}"
        return used if math.isinf(self.ratio) else f"{used}: {self.ratio:.2f} times as much"


def growth(
    winner: Mapping[str, float], incumbent: Mapping[str, float], *, at_least: float = MUCH
) -> tuple[Growth, ...]:
    """What the winner uses much more of, the most grown first.

    Args:
        winner: what it uses on the tasks that both were measured on, by name; at least 0.
        incumbent: alike. What only one of them tells is not compared.
        at_least: the ratio from which it is told.

    Raises:
        ValueError: somebody uses less than nothing.
    """
    if any(used < 0 for used in (*winner.values(), *incumbent.values())):
        raise ValueError("nobody uses less than nothing")
    found = [Growth(what, used, incumbent[what]) for what, used in winner.items() if what in incumbent]
    grown = [one for one in found if one.winner > one.incumbent and one.ratio >= at_least]
    return tuple(sorted(grown, key=lambda one: -one.ratio))
