"""Whether a workflow takes the incumbent's place: only where a true gain, and not luck, explains its lead.

The best of a shortlist is flattered, because it was picked for its mean. So what is decided by is an interval
that holds for all candidates together (`autoflow_worker.max_t`): a candidate is accepted where it lies above
zero. Two workflows that are equally good are told apart in fewer than 5% of cases (`docs/trust.md`).

Tasks that share their samples are wordings of one thing: workflows do the same to all of them, so that they
count as one. A task counts where the candidate and the incumbent both have a reward; what the infrastructure
could not measure is left out. That misleads where one workflow makes the infrastructure fail on hard tasks.

What this does not protect against: asking again and again on the same validation tasks until the answer
pleases. The test split is for that.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autoflow.power import ASSUMED_SD, LEAST_TASKS, Power, power_of
from autoflow.suites import Task
from autoflow_worker.evaluator import Row
from autoflow_worker.max_t import RESAMPLES, Paired, intervals
from autoflow_worker.statistics import Estimate

Rewards = Sequence[Sequence[float | None]]
"""A workflow's rewards in [0, 1], task by task, of each seed; None where it is missing."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of a comparison."""

    chosen: int | None
    """The candidate with the largest difference, of those that may be accepted if there are any; None where
    nothing could be compared."""
    accepted: bool
    """Whether the chosen one's interval lies above zero."""
    difference: Estimate | None
    """The chosen one's reward minus the incumbent's, corrected for the choice."""
    differences: tuple[Estimate | None, ...]
    """Of every candidate; None where too few tasks have both rewards."""
    power: Power
    """What could be known before."""
    tasks: int
    """Independent ones on which the chosen one was compared; the most of any candidate where none is."""
    candidates: int
    """Among which was chosen."""
    reason: str
    """For a person."""


def rewards_of(row: Row) -> Rewards:
    """The rewards of a row of cells, each measured once."""
    return [[None if score is None else score.reward] for score in row]


def groups_of(tasks: Sequence[Task]) -> list[str]:
    """What makes tasks dependent: the samples that they share. A task without samples stands for itself."""
    return [task.data or task.id for task in tasks]


def independent(tasks: Sequence[Task]) -> int:
    """How many independent tasks there are: those that `autoflow.power` asks for."""
    return len(set(groups_of(tasks)))


def decide(
    candidates: Sequence[Rewards],
    incumbent: Rewards,
    *,
    seed: int,
    groups: Sequence[str] | None = None,
    sd: float = ASSUMED_SD,
    resamples: int = RESAMPLES,
) -> Decision:
    """Decides on the best of some candidates.

    Args:
        candidates: at least one, all on the incumbent's tasks in its order.
        incumbent: what they are compared with.
        seed: of the resampling.
        groups: tasks of one group count as one (`groups_of`). Default: every task for itself.
        sd: of the differences, as it was assumed for the power that was told before.
        resamples: of each kind that the interval needs.

    Raises:
        ValueError: there is no candidate, or the lengths differ.
    """
    labels = list(groups) if groups is not None else [str(index) for index in range(len(incumbent))]
    lengths = {len(labels), len(incumbent), *map(len, candidates)}
    if not candidates or len(lengths) > 1:
        raise ValueError(
            f"{len(candidates)} candidates with tasks by the {sorted(lengths)} cannot be compared"
        )
    power = power_of(len(set(labels)), sd, candidates=len(candidates))
    common = [_common(rewards, incumbent, labels) for rewards in candidates]
    if max(common) < LEAST_TASKS:
        return _undecided(max(common), power, len(candidates))
    paired = _paired(candidates, incumbent, labels)
    found = intervals(paired, least=LEAST_TASKS, seed=seed, resamples=resamples)
    estimates = {index: estimate for index, estimate in enumerate(found) if estimate is not None}
    above = {index: estimate for index, estimate in estimates.items() if estimate.low > 0}
    pool = above or estimates
    chosen = max(pool, key=lambda index: pool[index].mean)
    return Decision(
        chosen=chosen,
        accepted=bool(above),
        difference=pool[chosen],
        differences=tuple(found),
        power=power,
        tasks=common[chosen],
        candidates=len(candidates),
        reason=_reason(pool[chosen], bool(above), common[chosen], len(candidates), power),
    )


def _common(rewards: Rewards, incumbent: Rewards, labels: Sequence[str]) -> int:
    """Groups in which both have a reward."""
    both = zip(rewards, incumbent, labels, strict=True)
    return len({label for mine, theirs, label in both if _known(mine) and _known(theirs)})


def _known(seeds: Sequence[float | None]) -> list[float]:
    return [reward for reward in seeds if reward is not None]


def _paired(candidates: Sequence[Rewards], incumbent: Rewards, labels: Sequence[str]) -> Paired:
    everyone = [[_known(seeds) for seeds in rewards] for rewards in (incumbent, *candidates)]
    seeds = max(len(known) for rewards in everyone for known in rewards)
    array = np.full((len(everyone), len(labels), seeds), math.nan)
    for index, rewards in enumerate(everyone):
        for task, known in enumerate(rewards):
            array[index, task, : len(known)] = known
    return Paired(array, np.unique(labels, return_inverse=True)[1])


def _undecided(tasks: int, power: Power, candidates: int) -> Decision:
    reason = (
        f"undecided: only {tasks} independent tasks have rewards of both workflows, "
        f"and it takes at least {LEAST_TASKS} to tell a gain from luck"
    )
    return Decision(None, False, None, (None,) * candidates, power, tasks, candidates, reason)


def _reason(found: Estimate, accepted: bool, tasks: int, candidates: int, power: Power) -> str:
    who = f"the best of {candidates} candidates" if candidates > 1 else "the candidate"
    measured = (
        f"{who} differs by {found.mean:+.3f} (95% interval {found.low:+.3f} to {found.high:+.3f}"
        f"{', corrected for the choice' if candidates > 1 else ''}) over {tasks} independent tasks"
    )
    if accepted:
        return f"accepted: {measured}, and the interval lies above zero"
    if found.high < 0:
        return f"not accepted: {measured}, and the interval lies below zero"
    return (
        f"not accepted: {measured}, and the interval has zero in it; "
        f"so few show a true gain of {power.effect:.3f} in four cases of five, and smaller ones less often"
    )
