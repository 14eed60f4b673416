"""What an evaluation is to do, with every default filled in."""

from __future__ import annotations

from dataclasses import dataclass, field

from autoflow.methods import Reward
from autoflow.suites import SAMPLES, Split
from autoflow_worker.ledger import Budget
from autoflow_worker.seeds import Purpose, derive
from autoflow_worker.spec import Comparator

REFERENCE = "reference"
"""The name of the tasks' reference plans, or answers, among the workflows."""


@dataclass(frozen=True, slots=True)
class EvaluationSpec:
    """An evaluation."""

    suite: str
    split: Split
    workflows: tuple[Comparator, ...]
    """What is measured, at least one; improvements are over the first."""
    interpreter: str
    """The model that executes, by its name in the catalogue."""
    interpreter_adapter: str = ""
    """Digest of an adapter of that model; empty for none."""
    reward: Reward = Reward.EXECUTED
    tasks: int = 0
    """How many, drawn stratified; 0 means all of the split."""
    samples: int = SAMPLES
    """Of a task, at most."""
    temperature: float = 0.0
    """Of the interpreter; 0 is greedy."""
    repeats: int = 1
    """Executions of each workflow on each task; more than 1 with a temperature alone."""
    seed: int = 0
    budget: Budget = field(default_factory=Budget)

    @property
    def executed(self) -> bool:
        """Whether plans are executed and their outputs scored."""
        return self.reward is Reward.EXECUTED

    @property
    def judged(self) -> bool:
        """Whether the suite's judge scores."""
        return self.reward is Reward.JUDGED

    @property
    def seeds(self) -> tuple[int, ...]:
        """Of the executions of a workflow on a task."""
        if not self.temperature:
            return (0,)
        return tuple(derive(self.seed, Purpose.EXECUTIONS, index) for index in range(self.repeats))

    @property
    def names(self) -> tuple[str, ...]:
        """Of all that is measured, the references last."""
        return (*(workflow.name for workflow in self.workflows), REFERENCE)
