"""Searches over doubles: a world in which workflows have a quality that is hidden in their names."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from autoflow.suites import Task
from autoflow_worker.context import Context
from autoflow_worker.evaluator import Evaluator
from autoflow_worker.ledger import Budget, Ledger, Meter
from autoflow_worker.ports import Execution, Step, Workflow
from autoflow_worker.refinement import Attempt
from autoflow_worker.results import CandidateReport
from autoflow_worker.search import Search, Traces, search_of
from autoflow_worker.spec import TestPlan
from tests.worker.doubles import (
    IMPATIENT,
    Notebook,
    PlanScorer,
    ScriptedInterpreter,
    run_spec,
    suite,
)
from tests.worker.scripted_generator import ScriptedGenerator

SUITE = suite(train=24, validation=5, test=4)
PLANS = ("Gamma", "Alpha, Gamma", "Alpha, Beta")
"""Worth 0, 1/2 and 1."""


def number(text: str, size: int) -> int:
    """A number below `size` that depends on a text alone."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) % size


def fresh(seed: int, adapter: str) -> str | None:
    """A design of quality 0, 1 or 2 in nine; some are invalid, and some come again and again."""
    if seed % 7 == 0:
        return None
    return f"Quality {number(str(seed), 3)} of 9 by {seed % 50}"


def refined(seed: int, attempts: Sequence[Attempt]) -> str | None:
    """A successor: mostly a little better than the newest, sometimes worse, invalid or nothing new."""
    if seed % 11 == 0:
        return None
    quality = _quality(attempts[-1].text) + (2 if seed % 3 else -1)
    return f"Quality {min(9, max(0, quality))} of 9 by {seed % 5}"


def _quality(text: str) -> int:
    _, _, rest = text.partition("Quality ")
    return int(rest[0]) if rest else 0


def answer(workflow: Workflow, task: Task) -> str:
    """Right on as many tasks of ten as the quality says, half right on others."""
    luck = number(f"{workflow.digest}{task.id}", 9)
    quality = _quality(workflow.text)
    return PLANS[2] if luck < quality else PLANS[1] if luck < quality + 3 else PLANS[0]


class TracingInterpreter(ScriptedInterpreter):
    """An interpreter that tells what the steps did."""

    async def execute(self, workflow: Workflow, task: Task, *, seed: int = 0) -> Execution:
        """Executes in two steps, of which the first finds the answer."""
        execution = await super().execute(workflow, task, seed=seed)
        said = execution.answer or ""
        steps = (Step("Step 1", "Begin", f"I found {said}"), Step("Step 2", "Tell", said))
        return replace(execution, steps=steps)


class Hunt:
    """One search over doubles.

    Args:
        method: how.
        iterations: at most.
        candidates: an iteration.
        tasks: an iteration.
        budget: default: no limit.
        spent: by earlier workers.
        interpreter: default: one that answers by quality.
        generator: default: one that designs and refines by chance.
        journal: default: one that keeps everything.
        test: what is measured in the end.
    """

    def __init__(
        self,
        method: str,
        *,
        iterations: int = 8,
        candidates: int = 3,
        tasks: int = 4,
        budget: Budget | None = None,
        spent: Ledger | None = None,
        interpreter: ScriptedInterpreter | None = None,
        generator: ScriptedGenerator | None = None,
        journal: Notebook | None = None,
        test: TestPlan | None = None,
    ) -> None:
        spec = run_spec(
            method, iterations=iterations, candidates=candidates, tasks=tasks, budget=budget, test=test
        )
        self.journal = journal or Notebook()
        self.interpreter = interpreter or TracingInterpreter(answer)
        self.generator = generator or ScriptedGenerator(fresh, refine=refined)
        self.traces = Traces()
        self.meter = Meter(spec.budget, spent)
        self.evaluator = Evaluator(
            self.interpreter, PlanScorer(), self.meter, retry=IMPATIENT, on_measured=self.traces.note
        )
        self.context = Context(
            spec, SUITE, self.generator, self.evaluator, self.meter, self.journal, IMPATIENT
        )
        self.search: Search = search_of(self.context, self.traces)
        self.reports: list[tuple[CandidateReport, ...]] = []

    async def go(self, iterations: int | None = None) -> list[tuple[CandidateReport, ...]]:
        """Searches to the end, or for some iterations; returns what became of the candidates."""
        while not self.search.done and (iterations is None or len(self.reports) < iterations):
            self.reports.append((await self.search.step()).candidates)
        return self.reports

    @property
    def candidates(self) -> list[CandidateReport]:
        """All, in the order in which they were drawn."""
        return [candidate for report in self.reports for candidate in report]
