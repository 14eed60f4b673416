"""What to say about a winner before anybody trusts it: was it accepted, and what is odd about it."""

from __future__ import annotations

from collections.abc import Sequence

from autoflow.methods import Reward
from autoflow.suites import Task, TaskSuite
from autoflow_worker import flags
from autoflow_worker.acceptance import Decision, groups_of
from autoflow_worker.disagreement import Metric, disagreement, growth
from autoflow_worker.evaluator import Row
from autoflow_worker.flags import Flag
from autoflow_worker.leaks import Leaks
from autoflow_worker.ports import Score, Workflow
from autoflow_worker.results import Acceptance, Improvement
from autoflow_worker.statistics import Estimate, bootstrap_mean, paired_bootstrap

WINNER = "best"
"""What reports call the winner."""
_UNOPTIMIZED = {Reward.PLAN: "exact_plan", Reward.EXECUTED: "plan_f1", Reward.JUDGED: "pass_rate"}
"""The metric beside a reward: how many plans are exactly accepted ones, how much plans are like these, and of
how many tasks all constraints hold."""


def acceptance(found: Decision, over: str) -> Acceptance:
    """A decision as the run's result has it.

    Args:
        found: on the validation tasks.
        over: the incumbent's name.
    """
    return Acceptance(found.accepted, over, found.difference, found.power, found.candidates, found.reason)


def unoptimized(row: Row, reward: Reward, *, seed: int, groups: Sequence[str]) -> tuple[str, Estimate] | None:
    """The mean of the metric that was not optimised; None where nothing was measured."""
    values = [(_other(score, reward), group) for score, group in zip(row, groups, strict=True) if score]
    if not values:
        return None
    means, common = zip(*values, strict=True)
    return _UNOPTIMIZED[reward], bootstrap_mean(means, seed=seed, groups=common)


def flags_of(
    suite: TaskSuite,
    winner: tuple[Workflow, Row],
    incumbent: tuple[str, Workflow, Row] | None,
    gain: Improvement | None,
    *,
    reward: Reward,
    openings: int,
    tasks: Sequence[Task],
    seed: int,
) -> tuple[Flag, ...]:
    """Everything to know about a winner.

    Args:
        suite: what its text may not hold.
        winner: the workflow, and its scores.
        incumbent: name, workflow and scores of what it is compared with; None where there is nothing.
        gain: of the winner over the incumbent on the tasks.
        reward: what was optimised.
        openings: of the test split.
        tasks: of which the scores are.
        seed: of the bootstrap.
    """
    workflow, row = winner
    lost = [task.id for task, score in zip(tasks, row, strict=True) if score is None]
    found = [
        *flags.leaking(WINNER, Leaks(suite).find(workflow.text)),
        *flags.reopened(WINNER, openings),
        *flags.missing(WINNER, lost),
    ]
    if incumbent is None:
        return tuple(found)
    name, other, theirs = incumbent
    if gain is not None:
        groups = groups_of(tasks)
        found += flags.underpowered(WINNER, gain.absolute, flags.shared_groups(row, theirs, groups))
        found += _disagreeing(row, theirs, gain, reward, seed=seed, groups=groups)
    mine, its = flags.shared(row, theirs)
    used = growth(flags.uses(workflow, mine), flags.uses(other, its))
    return (*found, *flags.grown(WINNER, name, used))


def _disagreeing(
    row: Row, theirs: Row, gain: Improvement, reward: Reward, *, seed: int, groups: Sequence[str]
) -> list[Flag]:
    pairs = [
        (_other(mine, reward), _other(other, reward), group)
        for mine, other, group in zip(row, theirs, groups, strict=True)
        if mine and other
    ]
    if not pairs:
        return []
    left, right, common = zip(*pairs, strict=True)
    lost = Metric(_UNOPTIMIZED[reward], paired_bootstrap(left, right, seed=seed, groups=common))
    return flags.disagreeing(WINNER, disagreement(Metric(f"the reward {reward}", gain.absolute), lost))


def _other(score: Score, reward: Reward) -> float:
    match reward:
        case Reward.PLAN:
            return float(score.plan_f1 >= 1.0)
        case Reward.EXECUTED:
            return score.plan_f1
        case Reward.JUDGED:
            return float(score.passed)
