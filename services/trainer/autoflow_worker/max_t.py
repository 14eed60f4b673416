"""Intervals of many paired differences that hold together, so that the best of them may be picked.

Each candidate j is compared with one incumbent: its mean difference T_j over tasks, with the standard error
se_j. What is wanted is a critical value c so that `T_j - c · se_j` is below the true difference for *all* j
at once in all but 2.5% of cases: then it is for the one that is picked, however it is picked. That is the
single-step max-T of Romano and Wolf (2005): c is the quantile of max_j (T*_j - T_j) / se*_j. Two resamplings
find it, and the wider one counts:

- the bootstrap: tasks are drawn with replacement, the same for all candidates, and the seeds of a task within
  it. It sees skewness, but where differences are rare it sees too few of them;
- the wild bootstrap: the signs of the tasks' residuals are drawn (Liu 1988). It needs no luck, but takes
  differences to be symmetric.

Either alone promotes falsely too often where scores pile up at 0 and 1 (`docs/trust.md`). Tasks of one
group, such as wordings of one thing, are drawn together, and the standard error is that of their sums (the
ratio estimator's, linearised).

Where nothing varies there is no standard error. Then the exact bound counts: had more than a part p of all
tasks another difference, so many equal ones would come in fewer than 2.5% of cases; and those others may be
anything in [-1, 1].

Left out: stepping down, which would only tell more candidates apart. Not protected against: tasks that were
not drawn like those to come, and disasters so rare that not one was seen while other differences varied.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autoflow_worker.statistics import Estimate

Floats = NDArray[np.float64]

RESAMPLES = 2_000
"""Of each kind."""

_TAIL = 0.025
"""On either side of an interval of 95%."""
_FLOOR = 0.4
"""Of se; se* counts as no less. Some resamples of 20 rewards of 0 and 1 hardly vary, and would make the
intervals of all candidates endless."""
_DRAWN_TOGETHER = 4_000_000
"""Rewards that are resampled in one turn, at least one resample."""
_NOTHING = 1e-6
"""A standard error below this is none: scores depend on their batch by some 1e-7."""


@dataclass(frozen=True, slots=True)
class Paired:
    """Rewards of candidates and of the incumbent, by task and seed."""

    rewards: Floats
    """(1 + candidates, tasks, seeds); the incumbent is the first; NaN where there is none. Those that a task
    has come before the NaN."""
    groups: NDArray[np.intp]
    """(tasks,), from 0 without gaps."""

    def differences(self, rewards: Floats) -> Floats:
        """(..., candidates, tasks) of (..., 1 + candidates, tasks, seeds); NaN where either has none."""
        known = (~np.isnan(rewards)).sum(axis=-1)
        with np.errstate(invalid="ignore"):
            means = np.nansum(rewards, axis=-1) / known
        found: Floats = means[..., 1:, :] - means[..., :1, :]
        return found

    def sums(self, differences: Floats) -> tuple[Floats, Floats]:
        """Sums of differences, and how many there are, (..., candidates, groups)."""
        member = np.zeros((self.groups.size, int(self.groups.max()) + 1))
        member[np.arange(self.groups.size), self.groups] = 1.0
        known = ~np.isnan(differences)
        return np.where(known, differences, 0.0) @ member, known @ member


def intervals(paired: Paired, *, least: int, seed: int, resamples: int = RESAMPLES) -> list[Estimate | None]:
    """The difference of each candidate, with an interval; all of them hold together in 95% of cases.

    Args:
        paired: at least one candidate and one task.
        least: groups that a candidate must have a difference in, at least 2.
        seed: of the resampling.
        resamples: of each kind.

    Returns:
        By candidate; None where there are too few groups.
    """
    differences = paired.differences(paired.rewards)
    sums, counts = paired.sums(differences)
    enough = np.flatnonzero((counts > 0).sum(axis=1) >= least)
    found: list[Estimate | None] = [None] * len(sums)
    if not enough.size:
        return found
    paired = Paired(paired.rewards[[0, *(enough + 1)]], paired.groups)
    mean, error = _ratio(np.ones((1, sums.shape[1])), sums[enough], counts[enough])
    varying = error[0] > _NOTHING
    below, above = _critical(paired, sums[enough], counts[enough], varying, seed, resamples)
    unseen = 1 - (_TAIL / len(sums)) ** (1 / (counts[enough] > 0).sum(axis=1))
    for at, candidate in enumerate(enough):
        middle, width = float(mean[0, at]), float(error[0, at])
        if varying[at]:
            estimate = Estimate(middle, middle - below * width, middle + above * width)
        else:
            still, other = (1 - unseen[at]) * middle, unseen[at]
            estimate = Estimate(middle, float(still - other), float(still + other))
        found[candidate] = estimate.within(-1.0, 1.0)
    return found


def _critical(
    paired: Paired, sums: Floats, counts: Floats, varying: NDArray[np.bool_], seed: int, resamples: int
) -> tuple[float, float]:
    """What standard errors are multiplied with, for the ends below and above the means."""
    if not varying.any():
        return 0.0, 0.0
    rng = np.random.default_rng(seed)
    bootstrap = np.concatenate(list(_bootstrap(paired, sums, counts, rng, resamples)))[:, varying]
    wild = _wild(sums[varying], counts[varying], rng, resamples)
    ends = []
    for sign in (1, -1):
        extremes = ((sign * statistics).max(axis=1) for statistics in (bootstrap, wild))
        ends.append(max(float(np.quantile(most, 1 - _TAIL, method="higher")) for most in extremes))
    return ends[0], ends[1]


def _bootstrap(
    paired: Paired, sums: Floats, counts: Floats, rng: np.random.Generator, resamples: int
) -> Iterator[Floats]:
    """Studentised statistics of resampled tasks and seeds, (resamples, candidates), in turns."""
    mean, error = _ratio(np.ones((1, sums.shape[1])), sums, counts)
    seeds = paired.rewards.shape[2]
    groups = sums.shape[1]
    turn = max(1, _DRAWN_TOGETHER // (paired.rewards.size if seeds > 1 else groups))
    for done in range(0, resamples, turn):
        rows = min(turn, resamples - done)
        weights = _weights(groups, rows, rng)
        drawn = sums, counts
        if seeds > 1:
            drawn = paired.sums(paired.differences(_reseeded(paired.rewards, rows, rng)))
        resampled, anew = _ratio(weights, *drawn)
        yield _studentised(resampled - mean, np.fmax(anew, _FLOOR * error))


def _wild(sums: Floats, counts: Floats, rng: np.random.Generator, resamples: int) -> Floats:
    """Studentised statistics of residuals with drawn signs, (resamples, candidates)."""
    groups = sums.shape[1]
    mean = sums.sum(axis=1) / counts.sum(axis=1)
    residuals = sums - mean[:, None] * counts
    present = (counts > 0).sum(axis=1)
    signs = rng.integers(0, 2, size=(resamples, groups), dtype=np.int8) * 2.0 - 1.0
    total = signs @ residuals.T
    spread = np.maximum((residuals**2).sum(axis=1) - total**2 / present, 0.0)
    return _studentised(total, np.sqrt(spread * present / (present - 1)))


def _weights(groups: int, rows: int, rng: np.random.Generator) -> Floats:
    """How often each group is drawn, (rows, groups)."""
    drawn = rng.integers(0, groups, size=(rows, groups)) + groups * np.arange(rows)[:, None]
    return np.bincount(drawn.ravel(), minlength=rows * groups).reshape(rows, groups).astype(np.float64)


def _reseeded(rewards: Floats, rows: int, rng: np.random.Generator) -> Floats:
    """The rewards of each task drawn with replacement, (rows, 1 + candidates, tasks, seeds)."""
    known = (~np.isnan(rewards)).sum(axis=2)[..., None]
    drawn = (rng.random((rows, *rewards.shape)) * known).astype(np.intp)
    found: Floats = np.take_along_axis(np.broadcast_to(rewards, drawn.shape), drawn, axis=3)
    return np.where(np.arange(rewards.shape[2]) < known, found, math.nan)


def _ratio(weights: Floats, sums: Floats, counts: Floats) -> tuple[Floats, Floats]:
    """Means over weighted groups and their standard errors, (rows, candidates).

    Args:
        weights: (rows, groups).
        sums: (candidates, groups), or (rows, candidates, groups).
        counts: alike.
    """
    present = (counts > 0).astype(np.float64)
    parts = np.concatenate([sums, counts, present, sums**2, sums * counts, counts**2], axis=-2)
    weighted = weights @ parts.T if parts.ndim == 2 else np.einsum("bg,bkg->bk", weights, parts)
    total, number, groups, squares, mixed, sizes = np.split(weighted, 6, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total / number
        # Of the squared residuals `sums - mean · counts`.
        spread = np.maximum(squares - 2 * mean * mixed + mean**2 * sizes, 0.0)
        error = np.sqrt(spread * groups / (groups - 1)) / number
    return mean, error


def _studentised(difference: Floats, error: Floats) -> Floats:
    """Differences by their errors; without an error infinite, and 0 where there is no difference either."""
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.where(error > _NOTHING, difference / error, np.sign(difference) * math.inf)
    return np.where(np.isnan(found) | (np.abs(difference) < _NOTHING), 0.0, found)
