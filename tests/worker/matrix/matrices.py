"""Matrices of doubles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from autoflow.store.artifacts import ArtifactStore
from autoflow.suites import Split, Task, TaskSuite
from autoflow_worker.context import Context
from autoflow_worker.evaluator import Evaluator
from autoflow_worker.ledger import Budget, Ledger, Meter
from autoflow_worker.matrix.job import MatrixJob
from autoflow_worker.matrix.pairing import Desk, Seat
from autoflow_worker.matrix.spec import MatrixSpec, ModelName
from autoflow_worker.methods import TrainingSettings
from autoflow_worker.ports import Workflow
from tests.worker.doubles import (
    IMPATIENT,
    Notebook,
    PlanScorer,
    ScriptedInterpreter,
    answering,
    suite,
)
from tests.worker.scripted_generator import ScriptedGenerator

SETTINGS = TrainingSettings(iterations=3, candidates=2, tasks=2)
ANSWERS = ("No plan.", "Alpha", "Alpha, Beta")
"""What a candidate answers, by its seed: worth 0, 2/3 and 1."""


def matrix(
    generators: int = 2,
    interpreters: int = 2,
    *,
    method: str = "random",
    split: Split = Split.TEST,
    training: TrainingSettings = SETTINGS,
    budget: Budget | None = None,
) -> MatrixSpec:
    """A small matrix of models that are called g0, g1 and i0, i1."""
    return MatrixSpec(
        suite="doubles",
        generators=tuple(ModelName(f"g{number}") for number in range(generators)),
        interpreters=tuple(ModelName(f"i{number}") for number in range(interpreters)),
        method=method,
        training=training,
        split=split,
        budget=budget or Budget(),
    )


def answer(workflow: Workflow, task: Task) -> str:
    """A workflow's last instruction, up to a `#`: so many have the same answer."""
    return answering(workflow, task).partition(" #")[0]


class Reader(ScriptedInterpreter):
    """An interpreter with an identity of its own."""

    def __init__(self, name: str, answer: Callable[[Workflow, Task], str | None] = answer) -> None:
        super().__init__(answer)
        self.identity = name


@dataclass
class Bench:
    """Where matrices are done: what their workers share.

    `write` gives for a generator and a seed what its candidate answers; None is no valid workflow.
    """

    home: Path
    spec: MatrixSpec = field(default_factory=matrix)
    write: Callable[[str, int], str | None] = lambda name, seed: f"{ANSWERS[seed % 3]} # {seed}"
    read: Mapping[str, Callable[[Workflow, Task], str | None]] = field(default_factory=dict)
    suite: TaskSuite = field(default_factory=suite)
    journal: Notebook = field(default_factory=Notebook)
    readers: dict[str, Reader] = field(default_factory=dict)
    prompts: str = ""
    """What else the identity of an interpreter has in it."""

    def job(self, spent: Ledger | None = None, checkpoint: str = "") -> MatrixJob:
        """A worker's job, with interpreters of its own."""
        meter = Meter(self.spec.budget, spent)
        seats = {name: Seat() for name in self.spec.interpreters}
        self.readers = {
            name.model: Reader(f"{name.model}{self.prompts}", self.read.get(name.model, answer))
            for name in self.spec.interpreters
        }
        evaluators = {
            name: Evaluator(
                self.readers[name.model], PlanScorer(), meter, retry=IMPATIENT, on_measured=seat.note
            )
            for name, seat in seats.items()
        }
        desks = [
            Desk(
                generator,
                interpreter,
                Context(
                    spec=self.spec.search(generator, interpreter),
                    suite=self.suite,
                    generator=self._writer(generator.model),
                    evaluator=evaluators[interpreter],
                    meter=meter,
                    journal=self.journal,
                    retry=IMPATIENT,
                ),
                seats[interpreter],
            )
            for generator, interpreter in self.spec.pairings
        ]
        artifacts = ArtifactStore(str(self.home))
        return MatrixJob(
            *(self.spec, self.suite, desks, meter, self.journal, artifacts),
            retry=IMPATIENT,
            checkpoint=checkpoint,
        )

    def next_job(self) -> MatrixJob:
        """The job of the worker that follows on one that died; its journal is its own."""
        reports, checkpoints = self.journal.reports, self.journal.checkpoints
        self.journal = Notebook()
        return self.job(reports[-1].ledger if reports else None, checkpoints[-1] if checkpoints else "")

    def _writer(self, name: str) -> ScriptedGenerator:
        return ScriptedGenerator(lambda seed, adapter: self.write(name, seed))
