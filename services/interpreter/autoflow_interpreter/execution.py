"""The loop that executes one workflow on one task.

Each step is carried out by a protocol, its answer joins the memory, and the way out of it is taken. The
answer of a terminal step is the workflow's; where a task wants it, the plan that it names is executed. A step
whose instruction begins with `[ask]` is put to a person instead, and the execution ends for the time being.

An execution that lost its server goes on from what its journal knows: finished steps are told to the memory
and not executed.

It does not protect against instructions hidden in a task's query or in what a tool brings: what the model is
told, it reads.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from autoflow.language import Branch, Step, StepType, Workflow
from autoflow.llm import Sampling
from autoflow.suites import Tool
from autoflow.telemetry import span
from autoflow_interpreter.decisions import way_out
from autoflow_interpreter.events import (
    BranchTaken,
    Finished,
    MemoryStrategy,
    Outcome,
    PersonAsked,
    PlanExecuted,
    Protocol,
    Purpose,
    StepAnswered,
    StepStarted,
)
from autoflow_interpreter.journal import Journal
from autoflow_interpreter.limits import BoundedModel, Clock, Limits, Stopped
from autoflow_interpreter.memory import Memory, Observation
from autoflow_interpreter.past import FinishedStep, Past
from autoflow_interpreter.plan_execution import PlanExecutor, PlanTarget
from autoflow_interpreter.protocols.base import StepProtocol, StepWork
from autoflow_interpreter.step_tools import observation

DEFAULT_ASK_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class ExecutionRequest:
    """A workflow's text, a task, and how to execute the one on the other."""

    source: str
    query: str
    tools: tuple[Tool, ...]
    """What a plan may name."""
    model: str
    """A name of the catalogue."""
    adapter: str | None
    sampling: Sampling
    """Of the steps; `max_tokens` is for one answer."""
    memory: MemoryStrategy
    limits: Limits
    plan: PlanTarget | None = None
    """What the answer's plan is executed on; None where the answer is all that is wanted."""
    protocol: Protocol | None = None
    """None: what suits the model."""
    step_tools: tuple[str, ...] = ()
    """The names of the tools that steps may call; `*` alone: all."""
    memory_tokens: int = 0
    """The most that earlier answers take of a prompt; 0: the service's own limit."""
    ask_seconds: float = DEFAULT_ASK_SECONDS
    """How long a person has to answer."""
    workflow_version: str = ""
    """The registered version whose text it is; empty where the text was given."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What carries one execution out."""

    model: BoundedModel
    memory: Memory
    protocol: StepProtocol
    fused: bool
    """Whether one reply holds a step's answer and its branch, and later steps see what tools brought."""
    plans: PlanExecutor
    clock: Clock
    journal: Journal
    now: Callable[[], datetime]


class Execution:
    """One execution of a workflow.

    Args:
        workflow: what the request's text says; without lint errors.
        request: the task, the limits and the rest.
        parts: what carries it out.
        past: what is known of it; of a new one, nothing.
    """

    def __init__(self, workflow: Workflow, request: ExecutionRequest, parts: Parts, past: Past) -> None:
        self._steps = {step.name: step for step in workflow.steps}
        self._first = workflow.first
        self._request = request
        self._parts = parts
        self._journal = parts.journal
        self._past = past

    async def run(self) -> Finished | PersonAsked:
        """Executes until the end, or until a person is asked; that last event is the caller's to record.

        Raises:
            LanguageModelError: a call failed; PromptTooLong alone is an outcome instead.
            AutoFlowError: as `PlanExecutor.execute`, and as `StepProtocol.carry_out`.
        """
        try:
            return await self._run()
        except Stopped as stop:
            return self._finished(stop.outcome, "", stop.detail)

    async def _run(self) -> Finished | PersonAsked:
        for done in self._past.finished:
            self._remember(done)
        step = self._steps[self._past.next] if self._past.next else self._first
        while True:
            if self._journal.executed >= self._request.limits.max_steps:
                raise Stopped(
                    Outcome.STEP_LIMIT,
                    f"{self._journal.executed} steps were executed, {step.name!r} would be next",
                )
            # Neither names nor words of the workflow: whoever wrote it did not mean them for the trace.
            attributes = {
                "autoflow.step.index": self._journal.executed,
                "autoflow.step.type": step.type.value,
            }
            with span("workflow.step", attributes):
                work = await self._work(step)
                if isinstance(work, PersonAsked):
                    return work
                if step.type is StepType.TERMINAL:
                    break
                branch = await self._way_out(step, work)
            step = self._steps[branch.target]
        return await self._end(step, work.answer)

    async def _work(self, step: Step) -> StepWork | PersonAsked:
        """What comes of a step; what came of it already is not done again."""
        journal = self._journal
        journal.begin(step.name)
        known = journal.unfinished
        if not known.step:
            journal.record(StepStarted(step.name, journal.executed))
        # Where one reply holds the answer and the branch, it is read once more, for the branch.
        if known.answered is not None and not (self._parts.fused and step.branches[1:]):
            observed = (
                observation(known.tool_called, known.tool_returned)
                if known.tool_called and known.tool_returned
                else None
            )
            return self._taken(step, StepWork(known.answered.answer, None, observed))
        if step.question is not None:
            if (asked := self._asked(step, step.question)) is not None:
                return asked
            assert known.person is not None
            work = StepWork(known.person.answer)
        else:
            work = await self._parts.protocol.carry_out(step)
        if known.answered is None:
            journal.record(StepAnswered(step.name, work.answer))
        return self._taken(step, work)

    def _asked(self, step: Step, question: str) -> PersonAsked | None:
        """What a person is to be asked; None where the answer is there."""
        known = self._journal.unfinished
        if known.person is not None:
            return None
        now = self._parts.now()
        if known.asked is None:
            labels = tuple(branch.label for branch in step.branches) if len(step.branches) > 1 else ()
            deadline = now + timedelta(seconds=self._request.ask_seconds)
            return PersonAsked(step.name, question, labels, deadline)
        if known.asked.deadline <= now:
            raise Stopped(Outcome.ASK_TIMEOUT, f"nobody answered {step.name!r} in time")
        return known.asked

    def _taken(self, step: Step, work: StepWork) -> StepWork:
        self._journal.answered()
        kept = work.observation if self._parts.fused else None
        self._parts.memory.answered(step, work.answer, kept)
        return work

    def _remember(self, done: FinishedStep) -> None:
        observed: Observation | None = None
        if self._parts.fused and done.called and done.returned:
            observed = observation(done.called, done.returned)
        self._parts.memory.answered(self._steps[done.step], done.answer, observed)

    async def _way_out(self, step: Step, work: StepWork) -> Branch:
        named = _named(step, work.answer) if step.question is not None else work.branch
        if named is not None:
            branch = step.branches[named]
        else:
            branch = await way_out(step, work.answer, self._parts.model.to(Purpose.BRANCH))
        self._journal.record(BranchTaken(step.name, branch.label, branch.target))
        self._journal.end()
        return branch

    async def _end(self, step: Step, answer: str) -> Finished:
        self._journal.end()
        if not answer.strip():
            return self._finished(Outcome.NO_ANSWER, "", f"{step.name!r} gave an empty answer")
        if (target := self._request.plan) is not None and not self._past.plan_executed:
            await self._journal.settled()
            result = await self._parts.clock.within(partial(self._parts.plans.execute, answer, target))
            self._journal.record(PlanExecuted(result))
        return self._finished(Outcome.ANSWERED, answer, "")

    def _finished(self, outcome: Outcome, answer: str, detail: str) -> Finished:
        journal = self._journal
        return Finished(outcome, answer, detail, journal.steps, journal.usage, journal.counts)


def _named(step: Step, answer: str) -> int | None:
    """The branch whose label a person has answered with."""
    words = answer.strip().casefold()
    named = [index for index, branch in enumerate(step.branches) if branch.label.casefold() == words]
    return named[0] if named else None
