"""Evaluations of doubles, and what a test looks at in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from autoflow.methods import Reward
from autoflow.store.artifacts import ArtifactStore
from autoflow.suites import Split, TaskSuite
from autoflow_worker.evaluation.job import EvaluationJob
from autoflow_worker.evaluation.spec import EvaluationSpec
from autoflow_worker.ledger import Budget, Ledger, Meter
from autoflow_worker.ports import Scorer
from autoflow_worker.spec import Comparator
from tests.worker.doubles import IMPATIENT, Notebook, PlanScorer, ScriptedInterpreter, suite, workflow

RIGHT, SHORT, WRONG = "Alpha, Beta", "Alpha", "No plan."
"""Answers that are worth 1, 2/3 and 0 on every task of the doubles."""
TASKS = 50


def evaluation(
    *answers: str,
    split: Split = Split.VALIDATION,
    tasks: int = 0,
    seed: int = 0,
    budget: Budget | None = None,
) -> EvaluationSpec:
    """An evaluation of workflows that are called `w0`, `w1` and so on, and always give these answers."""
    return EvaluationSpec(
        suite="doubles",
        split=split,
        workflows=tuple(Comparator(f"w{number}", workflow(answer)) for number, answer in enumerate(answers)),
        interpreter="embedded",
        reward=Reward.PLAN,
        tasks=tasks,
        seed=seed,
        budget=budget or Budget(),
    )


@dataclass
class Bench:
    """Where evaluations are done: what their workers share."""

    home: Path
    spec: EvaluationSpec
    interpreter: ScriptedInterpreter = field(default_factory=ScriptedInterpreter)
    scorer: Scorer = field(default_factory=PlanScorer)
    suite: TaskSuite = field(default_factory=lambda: suite(validation=TASKS))
    journal: Notebook = field(default_factory=Notebook)

    store: type[ArtifactStore] = ArtifactStore
    batch_cells: int = 64

    @property
    def artifacts(self) -> ArtifactStore:
        return self.store(str(self.home))

    def job(self, spent: Ledger | None = None, checkpoint: str = "") -> EvaluationJob:
        """A worker's job."""
        return EvaluationJob(
            self.spec,
            self.suite,
            self.interpreter,
            self.scorer,
            Meter(self.spec.budget, spent),
            self.journal,
            self.artifacts,
            retry=IMPATIENT,
            concurrency=16,
            checkpoint=checkpoint,
            batch_cells=self.batch_cells,
        )

    def next_job(self) -> EvaluationJob:
        """The job of the worker that follows on one that died; journal and interpreter are its own."""
        reports, checkpoints = self.journal.reports, self.journal.checkpoints
        self.journal, self.interpreter = Notebook(), ScriptedInterpreter()
        return self.job(reports[-1].ledger if reports else None, checkpoints[-1] if checkpoints else "")
