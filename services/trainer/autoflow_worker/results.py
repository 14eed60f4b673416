"""What a run reports: its iterations, and in the end its result."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from autoflow.power import Power
from autoflow_worker.flags import Flag
from autoflow_worker.ledger import Ledger
from autoflow_worker.ports import Workflow
from autoflow_worker.statistics import Estimate


class Fate(StrEnum):
    """What became of a candidate."""

    MEASURED = "measured"
    """It was measured, and learned from where the method learns."""
    KEPT = "kept"
    """It joined those that are searched on from."""
    SCREENED_OUT = "screened out"
    """It did worse than its parent on a few tasks, and was not measured on more."""
    DUPLICATE = "duplicate"
    INVALID = "invalid"
    MISSING = "missing"
    """The infrastructure failed on every task."""


@dataclass(frozen=True, slots=True)
class CandidateReport:
    """One candidate of an iteration."""

    digest: str
    """Empty where it is not valid."""
    fate: Fate
    parents: tuple[str, ...] = ()
    """Digests of the workflows that it was made from, the nearest first."""
    reward: float | None = None
    """The mean over the tasks that it was measured on; None where it was on none."""
    tasks: int = 0
    """Those tasks."""
    reason: str = ""
    mended: bool = False


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
    pairing: int = 0
    """Of a matrix, row by row; 0 elsewhere."""
    candidates: tuple[CandidateReport, ...] = ()
    """In the order in which they were drawn; none of an evaluation."""


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
    unoptimized: tuple[str, Estimate] | None = None
    """The name of a metric that was not optimised, and its mean; None where there is none."""
    spent: Ledger = field(default_factory=Ledger)
    """What its executions on the test tasks cost."""


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
class Acceptance:
    """Whether a winner is taken for better than what it is to replace, on validation."""

    accepted: bool
    over: str
    difference: Estimate | None
    """Corrected for having chosen the best of several; None where nothing could be compared."""
    power: Power
    """What could be found, choosing among as many candidates as there were in the end."""
    candidates: int
    """Of which the best was chosen."""
    reason: str
    """For a person."""


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
    acceptance: Acceptance | None = None
    """None where there is no comparator."""
    flags: tuple[Flag, ...] = ()
    registered: str = ""
    """The version that the winner became; empty where it was not registered."""
    page: str = ""
    """Artifact of the page to look at."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is."""

    phase: str
    done: int
    total: int
