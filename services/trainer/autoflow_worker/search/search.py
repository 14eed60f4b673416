"""One search: iterations of draw or refine, measure in rounds, take in; then a winner, chosen on validation.

Strategies differ in what they propose and measure; duplicates, invalid candidates, the budget and the state
are the same for all. A candidate that the search has seen before, or twice in one iteration, is not measured
again, and an invalid one costs no execution. Where a model cannot be shown what it should, because that does
not fit its context, it designs from the goal alone. An iteration has happened when its state was committed:
whatever a stopped worker had begun is begun anew from the last state, with the same seeds.

Left out: overlap. The next iteration's draws wait for this one's rewards, since they are made from them.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autoflow.concurrency import gather
from autoflow.methods import SHORTLIST
from autoflow.suites import Split, Task
from autoflow_worker.context import Context
from autoflow_worker.evaluator import Row, mean_reward
from autoflow_worker.ports import CallFailed, Candidate, Generation, Workflow
from autoflow_worker.refinement import Refused
from autoflow_worker.results import CandidateReport, Fate, IterationReport, Progress
from autoflow_worker.search.base import Cell, Child, Proposal, Strategy, Subject
from autoflow_worker.search.traces import Traces
from autoflow_worker.seeds import Purpose

_log = logging.getLogger(__name__)

_PARENTS = 4
"""Of a candidate, in the report; a chat has many."""
_PROPOSALS = 256
"""Of an iteration at most; draws of two iterations never share a seed's index."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A workflow that may win."""

    workflow: Workflow
    mean: float
    tasks: int


@dataclass(frozen=True, slots=True)
class Chosen:
    """The winner of a search."""

    workflow: Workflow
    mean: float
    """On the validation tasks."""
    row: Row
    """Of the validation tasks."""


class Search:
    """One run's search, or one pairing's of a matrix.

    Args:
        context: what to do, and with what.
        strategy: how.
        traces: what the context's evaluator tells of executions.
        state: what `state` gave; None for the start. The evaluator's cache stands there already.
        reserve: executions to leave in the budget for what follows the search.

    Attributes:
        iteration: how many are done.
        drawn: candidates by now.
        valid: those of them that are workflows.
        executions: that the iterations have paid for.
    """

    def __init__(
        self,
        context: Context,
        strategy: Strategy,
        traces: Traces,
        state: Mapping[str, Any] | None = None,
        *,
        reserve: int = 0,
    ) -> None:
        self._context = context
        self._strategy = strategy
        self._traces = traces
        self._reserve = reserve
        self.iteration = 0
        self.drawn = 0
        self.valid = 0
        self.executions = 0
        self._seen: set[str] = set()
        self._standings: dict[str, Standing] = {}
        if state:
            self._load(state)

    @property
    def done(self) -> bool:
        """Whether there is no further iteration, or no budget for one."""
        return self.iteration >= self._context.spec.training.iterations or not self.affordable

    @property
    def affordable(self) -> bool:
        """Whether the budget covers another iteration and what follows."""
        return self._context.meter.covers(self.needed)

    @property
    def needed(self) -> int:
        """The most executions that another iteration and what follows can take."""
        return self._strategy.most_executions(self.iteration) + self._reserve

    @property
    def workflows(self) -> tuple[Workflow, ...]:
        """Those that may win, the best first; among equals the one that was measured on more tasks."""
        ranked = sorted(self._standings.values(), key=lambda standing: (-standing.mean, -standing.tasks))
        return tuple(standing.workflow for standing in ranked)

    async def step(self) -> IterationReport:
        """Does one iteration. Where it raises, the search stands where it stood; what was spent is spent.

        Raises:
            BudgetSpent: the budget did not last.
            CallFailed: nothing could be drawn, or nothing measured.
        """
        started = time.monotonic()
        before, spent = self.state(), self._context.meter.ledger.executions
        try:
            children = await self._draw(self._strategy.propose(self.iteration))
            measured = await self._measure([child for child in children if child.fate is None])
            self._strategy.receive(self.iteration, children)
        except BaseException:
            self._load(before)
            raise
        finally:
            self._traces.clear()
        self.executions += self._context.meter.ledger.executions - spent
        self._take_in(children, measured)
        return self._report(children, time.monotonic() - started)

    async def winner(self, phase: str = "validating") -> Chosen | None:
        """Measures the best few on all validation tasks; None where there is no workflow.

        Raises:
            BudgetSpent: the budget did not last.
            CallFailed: not one of them could be measured.
        """
        shortlist = self.workflows[:SHORTLIST]
        if not shortlist:
            return None
        validation = self._context.suite.tasks(Split.VALIDATION)

        def on_progress(done: int, total: int) -> None:
            self._context.journal.progress(Progress(phase, done, total))

        rows = await self._context.evaluator.evaluate(
            [(workflow, validation) for workflow in shortlist], on_progress=on_progress
        )
        found = [
            Chosen(workflow, mean, row)
            for workflow, row in zip(shortlist, rows, strict=True)
            if (mean := mean_reward(row)) is not None
        ]
        if not found:
            raise CallFailed("no workflow of the shortlist could be measured")
        return max(found, key=lambda chosen: chosen.mean)

    def state(self) -> dict[str, Any]:
        """Everything of this search but the evaluator's cache, as JSON can hold it."""
        return {
            "iteration": self.iteration,
            "drawn": self.drawn,
            "valid": self.valid,
            "executions": self.executions,
            "seen": sorted(self._seen),
            "standings": [
                [each.workflow.text, each.workflow.digest, each.mean, each.tasks]
                for each in self._standings.values()
            ],
            "strategy": self._strategy.state(),
        }

    def _load(self, state: Mapping[str, Any]) -> None:
        self.iteration, self.executions = state["iteration"], state["executions"]
        self.drawn, self.valid = state["drawn"], state["valid"]
        self._seen = set(state["seen"])
        self._standings = {
            digest: Standing(Workflow(text, digest), mean, tasks)
            for text, digest, mean, tasks in state["standings"]
        }
        self._strategy.load(state["strategy"])

    async def _draw(self, proposals: Sequence[Proposal]) -> list[Child]:
        first = self.iteration * _PROPOSALS
        drawn = await gather(
            self._candidates(proposal, first + place) for place, proposal in enumerate(proposals)
        )
        seen = set(self._seen)
        return [
            _child(candidate, proposal, seen) for proposal, found in drawn for candidate in found.candidates
        ]

    async def _candidates(self, proposal: Proposal, index: int) -> tuple[Proposal, Generation]:
        """Draws for a proposal; returns what was drawn for in the end."""
        if proposal.attempts:
            try:
                found = await self._context.refine(
                    proposal.attempts, proposal.change, proposal.count, index=index
                )
                return proposal, found
            except Refused as refusal:
                _log.warning("designing from the goal alone: %s", refusal)
                proposal = Proposal(proposal.count)
        designs = self._context.draw(proposal.count, purpose=Purpose.CANDIDATES, index=index)
        return proposal, await designs

    async def _measure(self, children: Sequence[Child]) -> list[Subject]:
        """Measures what the strategy wants; returns all that was measured."""
        measured: dict[str, Subject] = {}
        while wanted := self._strategy.wanted(self.iteration, children):
            rows = await self._context.evaluator.evaluate(
                [(subject.workflow, tasks) for subject, tasks in wanted]
            )
            for (subject, tasks), row in zip(wanted, rows, strict=True):
                self._fill(subject, tasks, row)
                measured[subject.workflow.digest] = subject
        for child in children:
            if child.subject and child.subject.asked and not child.subject.cells:
                child.fate, child.reason = Fate.MISSING, "the infrastructure failed on every task"
        if children and all(child.fate is Fate.MISSING for child in children):
            raise CallFailed("not one candidate of the iteration could be measured")
        return list(measured.values())

    def _fill(self, subject: Subject, tasks: Sequence[Task], row: Row) -> None:
        for task, score in zip(tasks, row, strict=True):
            subject.asked.add(task.digest)
            if score is not None:
                steps = self._traces.steps(subject.workflow, task)
                calls = score.cost.usage.calls if score.cost else 0
                subject.cells[task.digest] = Cell(score.reward, calls, task.query, steps)

    def _take_in(self, children: Sequence[Child], measured: Sequence[Subject]) -> None:
        self.iteration += 1
        self.drawn += len(children)
        standing = set(self._standings)
        for child in children:
            self.valid += child.candidate.workflow is not None
            # What could not be measured may be drawn and tried again.
            if child.subject and child.fate is not Fate.MISSING:
                self._seen.add(child.subject.workflow.digest)
            if child.subject and child.fate in (Fate.MEASURED, Fate.KEPT):
                standing.add(child.subject.workflow.digest)
        for subject in measured:
            digest, mean = subject.workflow.digest, subject.reward
            if digest in standing and mean is not None:
                self._standings[digest] = Standing(subject.workflow, mean, len(subject.cells))

    def _report(self, children: Sequence[Child], seconds: float) -> IterationReport:
        known = [reward for child in children if (reward := _reward(child)) is not None]
        valid = sum(child.candidate.workflow is not None for child in children)
        return IterationReport(
            index=self.iteration - 1,
            reward_mean=sum(known) / len(known) if known else 0.0,
            reward_max=max(known, default=0.0),
            valid_rate=valid / max(1, len(children)),
            truncated=sum(child.candidate.truncated for child in children),
            seconds=seconds,
            ledger=self._context.meter.ledger,
            candidates=tuple(map(_summary, children)),
        )


def _child(candidate: Candidate, proposal: Proposal, seen: set[str]) -> Child:
    """A candidate that was drawn; `seen` learns of it."""
    workflow = candidate.workflow
    if workflow is None:
        return Child(candidate, proposal, None, Fate.INVALID, candidate.error)
    if workflow.digest in seen:
        return Child(candidate, proposal, None, Fate.DUPLICATE)
    seen.add(workflow.digest)
    return Child(candidate, proposal, Subject(workflow))


def _reward(child: Child) -> float | None:
    """As the report counts it: what is not valid has 0."""
    if child.fate is Fate.INVALID:
        return 0.0
    return child.subject.reward if child.subject else None


def _summary(child: Child) -> CandidateReport:
    assert child.fate is not None
    return CandidateReport(
        digest=child.candidate.workflow.digest if child.candidate.workflow else "",
        fate=child.fate,
        parents=child.parents[:_PARENTS],
        reward=child.subject.reward if child.subject else None,
        tasks=len(child.subject.cells) if child.subject else 0,
        reason=child.reason,
        mended=child.candidate.mended,
    )
