"""The workflows that a reflective search goes on from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from autoflow_worker.ports import Step, Workflow
from autoflow_worker.refinement import Attempt, Failure
from autoflow_worker.search.base import Cell, Subject
from autoflow_worker.search.blame import blamed
from autoflow_worker.search.pareto import Point, front

_SHOWN = 3
"""Failures of a workflow that a model is shown, each of another task."""
_PERFECT = 1 - 1e-9


@dataclass(slots=True)
class Member(Subject):
    """A workflow of the population: all its rewards, and what its worst executions did."""

    failures: tuple[Failure, ...] = ()
    """The worst first."""

    @property
    def point(self) -> Point:
        """As the front sees it."""
        rewards = {task: cell.reward for task, cell in self.cells.items()}
        return Point(self.workflow.digest, rewards, self.calls)

    @property
    def attempt(self) -> Attempt:
        """As a model is shown it."""
        return Attempt(self.workflow.text, self.reward or 0.0, failures=self.failures)

    def settle(self) -> None:
        """Takes from new cells what is to be shown, and forgets the rest of their executions."""
        fresh = [
            Failure(step, cell.reward, cell.query)
            for cell in self.cells.values()
            if cell.reward < _PERFECT and (step := blamed(cell.steps)) is not None
        ]
        ranked = sorted((*self.failures, *fresh), key=lambda failure: failure.score)
        self.failures = tuple(ranked[:_SHOWN])
        self.cells = {task: Cell(cell.reward, cell.calls) for task, cell in self.cells.items()}
        # What is missing may be asked for again.
        self.asked = set(self.cells)

    def state(self) -> dict[str, Any]:
        """The member as JSON can hold it."""
        return {
            "text": self.workflow.text,
            "digest": self.workflow.digest,
            "cells": {task: [cell.reward, cell.calls] for task, cell in self.cells.items()},
            "failures": [asdict(failure) for failure in self.failures],
        }

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> Member:
        """The member that gave a state."""
        failures = (
            Failure(Step(**failure["step"]), failure["score"], failure["query"])
            for failure in state["failures"]
        )
        return cls(
            Workflow(state["text"], state["digest"]),
            {task: Cell(*cell) for task, cell in state["cells"].items()},
            set(state["cells"]),
            tuple(failures),
        )


def perfect(subject: Subject) -> bool:
    """Whether nothing is left to do better on what it was measured on."""
    return bool(subject.cells) and all(cell.reward >= _PERFECT for cell in subject.cells.values())


def leader(members: Sequence[Subject]) -> Subject | None:
    """The one of the highest mean; among equals the one that was measured on more tasks, then the first."""
    measured = [member for member in members if member.cells]
    return max(measured, key=lambda member: (member.reward or 0.0, len(member.cells)), default=None)


def survivors(members: Sequence[Member]) -> list[Member]:
    """The Pareto front of a population, in its order."""
    kept = {point.key for point in front([member.point for member in members if member.cells])}
    return [member for member in members if member.workflow.digest in kept]
