"""What all searches share: a strategy proposes candidates, says what to measure, and takes in what came out.

A strategy is pure: it calls nobody, every choice of its own comes from a seed, and what it remembers from one
iteration to the next is JSON. Drawing, executing and paying are `autoflow_worker.search.search`'s.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from autoflow.suites import Task
from autoflow_worker.methods import TrainingSettings
from autoflow_worker.ports import Candidate, Step, Workflow
from autoflow_worker.refinement import Attempt, Change
from autoflow_worker.results import Fate

TasksOf = Callable[[int], tuple[Task, ...]]
"""The training tasks of an iteration."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """Candidates to draw."""

    count: int
    attempts: tuple[Attempt, ...] = ()
    """What the model is shown, the newest last; empty: it designs from the goal alone."""
    change: Change | None = None
    """What of the newest attempt is to change; None leaves that to the model."""
    parents: tuple[str, ...] = ()
    """Digests of the valid ones among the attempts, the nearest first."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A workflow on a task, measured."""

    reward: float
    calls: float = 0.0
    """Of the model, in the execution."""
    query: str = ""
    """The task's; empty where nobody kept it."""
    steps: tuple[Step, ...] = ()
    """Of the execution; empty where nobody kept them."""


@dataclass(slots=True)
class Subject:
    """A workflow that is measured."""

    workflow: Workflow
    cells: dict[str, Cell] = field(default_factory=dict)
    """What was measured, by the task's digest."""
    asked: set[str] = field(default_factory=set)
    """Digests of the tasks that it was to be measured on."""

    @property
    def reward(self) -> float | None:
        """The mean over what was measured; None where nothing was."""
        rewards = [cell.reward for cell in self.cells.values()]
        return sum(rewards) / len(rewards) if rewards else None

    @property
    def calls(self) -> float:
        """Of the model, in a mean execution; 0 where nothing was measured."""
        return sum(cell.calls for cell in self.cells.values()) / max(1, len(self.cells))


@dataclass(slots=True)
class Child:
    """A candidate of this iteration, and what becomes of it."""

    candidate: Candidate
    proposal: Proposal
    """What it was drawn for."""
    subject: Subject | None
    """None where it is not valid, or not new."""
    fate: Fate | None = None
    """None while it is open."""
    reason: str = ""

    @property
    def parents(self) -> tuple[str, ...]:
        """Digests of what it was made from, the nearest first."""
        return self.proposal.parents


Wanted = Sequence[tuple[Subject, Sequence[Task]]]
"""What to measure on which tasks."""


class Strategy(ABC):
    """A way to search. Its iterations are propose, wanted (until nothing is), receive.

    Args:
        settings: how much an iteration does.
        tasks_of: the training tasks of an iteration.
        seed: of the run.
    """

    defaults: ClassVar[TrainingSettings]
    """What a run does where its request leaves it open."""

    def __init__(self, settings: TrainingSettings, tasks_of: TasksOf, seed: int) -> None:
        self._settings = settings
        self._tasks_of = tasks_of
        self._seed = seed

    @abstractmethod
    def propose(self, index: int) -> Sequence[Proposal]:
        """What to draw in an iteration."""

    def most_executions(self, index: int) -> int:
        """The most executions that an iteration may need."""
        return self._settings.candidates * self._settings.tasks

    def wanted(self, index: int, children: Sequence[Child]) -> Wanted:
        """What to measure next, asked again after each round; nothing when the iteration has seen enough.

        Args:
            index: of the iteration.
            children: those that are valid and new to the run; each has its subject.
        """
        tasks = self._tasks_of(index)
        subjects = [child.subject for child in children if child.subject]
        return [(subject, tasks) for subject in subjects if not subject.asked]

    @abstractmethod
    def receive(self, index: int, children: Sequence[Child]) -> None:
        """Takes in an iteration's candidates in the order in which they were drawn.

        Decides the fates that are open; invalid, duplicate and missing ones have theirs.
        """

    def state(self) -> dict[str, Any]:
        """What must survive a restart, as JSON can hold it."""
        return {}

    def load(self, state: Mapping[str, Any]) -> None:  # noqa: B027 - a strategy without memory has nothing to do
        """Takes over what `state` gave."""
