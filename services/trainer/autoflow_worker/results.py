"""What a run reports: its iterations, and in the end its result."""

from __future__ import annotations

from dataclasses import dataclass, field

from autoflow_worker.ledger import Ledger
from autoflow_worker.ports import Workflow
from autoflow_worker.statistics import Estimate


@dataclass(frozen=True, slots=True)
class IterationReport:
    """One iteration of learning, or one batch of an evaluation, which learns nothing."""

    index: int
    reward_mean: float
    """Over the candidates that have a reward, of which invalid ones have 0; or over the workflows."""
    reward_max: float
    valid_rate: float = 0.0
    """Of all candidates."""
    truncated: int = 0
    kl: float = 0.0
    """Nats a token; 0 where the update was skipped."""
    update_skipped: bool = False
    seconds: float = 0.0
    adapter: str = ""
    """Digest of the adapter after the update."""
    ledger: Ledger = field(default_factory=Ledger)
    """After the iteration."""


@dataclass(frozen=True, slots=True)
class WorkflowReport:
    """One workflow on the test split."""

    name: str
    workflow: Workflow
    reward: Estimate
    """Interval over tasks."""
    plan_f1: Estimate | None
    """The same, of how much its plans are like accepted ones; None where there are no accepted ones."""
    valid_plan_rate: float
    tasks: int
    """That were measured."""
    missing: int
    chosen_from: int
    """Samples; 0 for a given workflow."""


@dataclass(frozen=True, slots=True)
class PolicyReport:
    """Fresh samples of the policy before and after learning, on the same test tasks."""

    before: Estimate
    """Interval over samples."""
    after: Estimate
    samples: int
    """Of each."""
    tasks: int
    valid_workflow_rate: float
    """Of all samples, before and after."""
    truncated: int


@dataclass(frozen=True, slots=True)
class Improvement:
    """A paired difference on the test tasks."""

    over: str
    absolute: Estimate
    """Interval over tasks."""
    relative: float
    """A part of the comparator's mean; 0 where that is 0."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a run found, measured on the sealed test split."""

    winner: Workflow
    winner_validation_mean: float
    adapter: str
    reports: tuple[WorkflowReport, ...]
    policy: PolicyReport | None
    ceiling: float
    improvement: Improvement | None
    test_openings: int
    suite_digest: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is."""

    phase: str
    done: int
    total: int
