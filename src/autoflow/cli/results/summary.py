"""What a run found, as values without a wire format, and as the JSON of `summary.json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

BASELINE, EXPERT, CONTROL, BEST = "baseline", "expert", "control", "best"
"""The workflows that the demo measures, by their names in a run's report."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with its 95% confidence interval."""

    mean: float
    low: float
    high: float

    @property
    def ci95(self) -> list[float]:
        """The bounds."""
        return [self.low, self.high]


@dataclass(frozen=True, slots=True)
class WorkflowScore:
    """One workflow on the sealed test tasks."""

    reward: Interval
    """Over tasks."""
    plan_f1: Interval | None
    """How much its plans are like accepted ones, whatever the reward is; None where there are none."""
    valid_plan_rate: float
    tasks: int
    """That were measured."""
    missing: int
    """That were not, because the infrastructure failed."""
    chosen_from: int
    """Samples; 0 for a given workflow."""


@dataclass(frozen=True, slots=True)
class PolicyScore:
    """Fresh samples of the policy before and after learning, on the same few test tasks."""

    before: Interval
    """Over samples."""
    after: Interval
    samples: int
    """Of each."""
    tasks: int


@dataclass(frozen=True, slots=True)
class Improvement:
    """The winner over a comparator, task by task."""

    over: str
    absolute: Interval
    relative: float
    """A part of the comparator's mean."""


@dataclass(frozen=True, slots=True)
class IterationScore:
    """One iteration of learning, on its training tasks."""

    reward_mean: float
    reward_max: float
    valid_rate: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run took."""

    executions: int
    """One workflow on one task, cache hits not counted."""
    llm_calls: int
    tokens: int
    """Read and written."""
    missing: int
    """Executions or scores that the infrastructure failed to give; never a low score."""
    wall_seconds: float


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run found."""

    suite: str
    suite_digest: str
    method: str
    seed: int
    scores: Mapping[str, WorkflowScore]
    """By the workflow's name, in the order of the report."""
    policy: PolicyScore | None
    """None where it was not measured."""
    ceiling: float
    """The mean reward of the reference plans."""
    improvement: Improvement | None
    """None where there was nothing to compare with."""
    valid_workflow_rate: float
    """Of all samples of learning and policy, those that were cut off included."""
    truncated: int
    """Samples that the token limit cut off."""
    test_openings: int
    iterations: Sequence[IterationScore]
    cost: Cost
    winner: str
    """The text of the winner."""

    def to_json(self) -> dict[str, Any]:
        """The content of `summary.json`; what was not measured is null."""
        control = self.scores.get(CONTROL)
        return {
            **{name: _score_json(self.scores.get(name)) for name in (BASELINE, EXPERT, CONTROL, BEST)},
            "policy": _policy_json(self.policy),
            "ceiling": self.ceiling,
            "improvement": _improvement_json(self.improvement),
            "valid_workflow_rate": self.valid_workflow_rate,
            "truncated": self.truncated,
            "executions": self.cost.executions,
            "llm_calls": self.cost.llm_calls,
            "tokens": self.cost.tokens,
            "wall_seconds": round(self.cost.wall_seconds, 3),
            "method": self.method,
            "seed": self.seed,
            "iterations": [
                {
                    "reward_mean": iteration.reward_mean,
                    "reward_max": iteration.reward_max,
                    "valid_rate": iteration.valid_rate,
                    "seconds": round(iteration.seconds, 3),
                }
                for iteration in self.iterations
            ],
            "control_samples": control.chosen_from if control else 0,
            "test_openings": self.test_openings,
            "suite_digest": self.suite_digest,
        }


def _score_json(score: WorkflowScore | None) -> dict[str, Any] | None:
    if score is None:
        return None
    f1 = score.plan_f1
    return {
        "test_mean": score.reward.mean,
        "test_ci95": score.reward.ci95,
        **({"plan_f1_mean": f1.mean, "plan_f1_ci95": f1.ci95} if f1 else {}),
        "valid_plan_rate": score.valid_plan_rate,
    }


def _policy_json(policy: PolicyScore | None) -> dict[str, Any] | None:
    if policy is None:
        return None
    return {
        "before_mean": policy.before.mean,
        "before_ci95": policy.before.ci95,
        "after_mean": policy.after.mean,
        "after_ci95": policy.after.ci95,
        "samples": policy.samples,
    }


def _improvement_json(improvement: Improvement | None) -> dict[str, Any] | None:
    if improvement is None:
        return None
    return {
        "relative": improvement.relative,
        "absolute": improvement.absolute.mean,
        "ci95": improvement.absolute.ci95,
    }
