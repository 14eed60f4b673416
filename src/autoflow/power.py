"""How large a true gain must be for a comparison over so many tasks to see it, told before anything is spent.

Two workflows are compared by the mean of their paired differences over tasks. With n independent tasks whose
differences have the standard deviation s, a true gain of

    effect = 1.04 · (t[1 - (1 - confidence) / (2 · candidates), n - 1] + t[power, n - 1]) · s / √(n - 4)

has an interval above zero with the stated probability (Lehr 1992, with Student's t in the place of the normal
quantiles, which matters below some 60 tasks). The best of several candidates is held against a wider
interval: for the statement beforehand Bonferroni's, because how the candidates will hang together is not
known then. The 4 tasks and 4% are what the decision (`autoflow_worker.acceptance`) gives away so that few
tasks and skewed rewards promote nothing falsely; found by simulation (`docs/trust.md`).

Left out: the loss of power where tasks are wordings of one thing. Count such tasks once. An effect above 1
says of rewards in [0, 1] that so few tasks see nothing at all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import count
from statistics import NormalDist

ASSUMED_SD = 0.5
"""Of paired differences of rewards, where nothing better is known. On the planning suite nine in ten pairs of
workflows have less (`docs/trust.md`)."""

LEAST_TASKS = 10
"""Independent tasks on which is decided at all; on fewer, only a gain of nearly 1 could be told from luck."""

_TASKS_GIVEN_AWAY = 4
_RESERVE = 1.04
_EXACT = 400
"""Degrees of freedom up to which Student's distribution is summed; above, the expansion errs by some 1e-9."""


@dataclass(frozen=True, slots=True)
class Power:
    """What a comparison will see, told before it is made."""

    tasks: int
    """Independent ones that both workflows are measured on."""
    effect: float
    """The least true gain that is accepted in four cases of five; infinite below `LEAST_TASKS`."""
    sd: float
    """Of the paired differences, as it was assumed."""


def power_of(tasks: int, sd: float = ASSUMED_SD, *, candidates: int = 1) -> Power:
    """The power of choosing among candidates; see `minimum_detectable_effect`."""
    return Power(tasks, minimum_detectable_effect(tasks, sd, candidates=candidates), sd)


def minimum_detectable_effect(
    tasks: int, sd: float = ASSUMED_SD, *, confidence: float = 0.95, power: float = 0.8, candidates: int = 1
) -> float:
    """The least true gain whose interval lies above zero with the probability `power`.

    Args:
        tasks: independent ones, at least 0; below `LEAST_TASKS` the effect is infinite.
        sd: of the paired differences, above 0; rewards in [0, 1] cannot have more than 1.
        confidence: of the two-sided interval, in (0, 1).
        power: in [0.5, 1).
        candidates: of which the best is compared, at least 1.

    Raises:
        ValueError: an argument is out of its range.
    """
    _check(sd, confidence, power, candidates)
    if tasks < 0:
        raise ValueError(f"there cannot be {tasks} tasks")
    if tasks < LEAST_TASKS:
        return math.inf
    level = 1 - (1 - confidence) / (2 * candidates)
    quantiles = t_quantile(level, tasks - 1) + t_quantile(power, tasks - 1)
    return _RESERVE * quantiles * sd / math.sqrt(tasks - _TASKS_GIVEN_AWAY)


def tasks_needed(
    effect: float,
    sd: float = ASSUMED_SD,
    *,
    confidence: float = 0.95,
    power: float = 0.8,
    candidates: int = 1,
) -> int:
    """The fewest tasks on which `minimum_detectable_effect` is not above `effect`.

    Args:
        effect: the true gain that is to be seen, above 0.
        sd: as above, like what follows.
        confidence: of the two-sided interval.
        power: the probability of seeing it.
        candidates: of which the best is compared.

    Raises:
        ValueError: an argument is out of its range.
    """
    _check(sd, confidence, power, candidates)
    if effect <= 0:
        raise ValueError(f"an effect of {effect} needs no tasks to be told from one above zero")
    normal = NormalDist()
    level = 1 - (1 - confidence) / (2 * candidates)
    # Student's quantiles are above the normal ones, so no fewer tasks than these will do, and few more.
    least = max(LEAST_TASKS, math.ceil(((normal.inv_cdf(level) + normal.inv_cdf(power)) * sd / effect) ** 2))
    return next(
        tasks
        for tasks in count(least)
        if minimum_detectable_effect(tasks, sd, confidence=confidence, power=power, candidates=candidates)
        <= effect
    )


def t_quantile(probability: float, degrees: int) -> float:
    """The quantile of Student's t distribution; correct to about 1e-8.

    Here because scipy would be a large dependency for one number.

    Args:
        probability: in [0.5, 1).
        degrees: of freedom, at least 1.

    Raises:
        ValueError: an argument is out of its range.
    """
    if not 0.5 <= probability < 1 or degrees < 1:
        raise ValueError(f"no quantile of {probability} with {degrees} degrees of freedom")
    if degrees > _EXACT:
        return _expanded(NormalDist().inv_cdf(probability), degrees)
    low, high = 0.0, 1.0
    while _t_cdf(high, degrees) < probability:
        low, high = high, 2 * high
    while high - low > 1e-10 * max(1.0, high):
        middle = (low + high) / 2
        low, high = (middle, high) if _t_cdf(middle, degrees) < probability else (low, middle)
    return (low + high) / 2


def _t_cdf(t: float, degrees: int) -> float:
    """P(T <= t) for t >= 0, by the finite series of Abramowitz and Stegun, 26.7.3 and 26.7.4."""
    theta = math.atan(t / math.sqrt(degrees))
    sine, cosine = math.sin(theta), math.cos(theta)
    odd = degrees % 2
    term = cosine if odd else 1.0
    total = term if degrees > 1 else 0.0
    for power in range(2 + odd, degrees - 1, 2):
        term *= cosine * cosine * (power - 1) / power
        total += term
    within = 2 / math.pi * (theta + sine * total) if odd else sine * total
    return 0.5 + within / 2


def _expanded(z: float, degrees: int) -> float:
    """The normal quantile brought to Student's, by the expansion of Abramowitz and Stegun, 26.7.5."""
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / degrees + second / degrees**2 + third / degrees**3


def _check(sd: float, confidence: float, power: float, candidates: int) -> None:
    if not (sd > 0 and 0 < confidence < 1 and 0.5 <= power < 1 and candidates >= 1):
        raise ValueError(
            f"no power of sd {sd}, confidence {confidence}, power {power} and {candidates} candidates"
        )
