"""One pairing at work: its search, and what it has spent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

from autoflow.llm.base import Usage
from autoflow.suites import Task
from autoflow_worker.context import Context
from autoflow_worker.evaluator import Evaluator
from autoflow_worker.ledger import Ledger
from autoflow_worker.matrix.spec import ModelName
from autoflow_worker.ports import Execution, Score, Workflow
from autoflow_worker.search import Search, Traces, search_of


class Seat:
    """An interpreter that all its pairings share, with one evaluation cache.

    `note` is what its evaluator tells of fresh executions.
    """

    def __init__(self) -> None:
        self.traces = Traces()
        self.seconds = 0.0
        """Of all fresh executions, one after another."""

    def note(self, workflow: Workflow, task: Task, execution: Execution, score: Score) -> None:
        """Takes in a fresh execution."""
        self.traces.note(workflow, task, execution, score)
        self.seconds += execution.seconds


@dataclass(frozen=True, slots=True)
class Desk:
    """What one pairing works with."""

    generator: ModelName
    interpreter: ModelName
    context: Context
    seat: Seat


class Pairing:
    """A pairing at work.

    Args:
        desk: what it works with.
        state: what `state` gave; None for the start. The evaluator's cache stands there already.
        reserve: executions to leave in the budget for what follows all searches.
    """

    def __init__(self, desk: Desk, state: Mapping[str, Any] | None = None, *, reserve: int = 0) -> None:
        self.generator, self.interpreter = desk.generator, desk.interpreter
        self._meter = desk.context.meter
        self._seat = desk.seat
        self.evaluator: Evaluator = desk.context.evaluator
        self.search: Search = search_of(
            desk.context, desk.seat.traces, state["search"] if state else None, reserve=reserve
        )
        self.spent = _ledger(**state["spent"]) if state else Ledger()

    @property
    def valid_rate(self) -> float:
        """Of the candidates that were drawn."""
        return self.search.valid / self.search.drawn if self.search.drawn else 0.0

    @contextmanager
    def paying(self) -> Iterator[None]:
        """What is spent within is this pairing's, where it comes to its end."""
        before, seconds = self._meter.ledger, self._seat.seconds
        yield
        spent = self._meter.ledger - before
        self.spent += replace(spent, seconds=self._seat.seconds - seconds)

    def state(self) -> dict[str, Any]:
        """Everything but the evaluator's cache, as JSON can hold it."""
        return {"search": self.search.state(), "spent": asdict(self.spent)}


def _ledger(usage: Mapping[str, Any], **rest: Any) -> Ledger:
    return Ledger(usage=Usage(**usage), **rest)
