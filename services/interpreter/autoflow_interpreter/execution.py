"""The loop that executes one workflow on one task.

A step is one call, beside those that its memory makes: its instruction goes to the model with what the memory
recalls, and the answer joins the memory. A decision answers its instruction like any other step, then its
branch is read by a separate question. The answer of a terminal step is the workflow's; where a task wants it,
the plan that it names is executed.

Left out: calling tools between steps, and resuming an execution. It does not protect against instructions
hidden in a task's query: what the model is told, it reads.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from functools import partial

from autoflow.language import Step, StepType, Workflow
from autoflow.llm import LanguageModel, Sampling, Usage
from autoflow.suites import Tool
from autoflow.telemetry import span
from autoflow_interpreter.decisions import way_out
from autoflow_interpreter.events import (
    BranchTaken,
    Event,
    Finished,
    Outcome,
    PlanExecuted,
    StepAnswered,
    StepStarted,
)
from autoflow_interpreter.limits import BoundedModel, Clock, Limits, Stopped
from autoflow_interpreter.memory import Memory, MemoryStrategy
from autoflow_interpreter.plan_execution import PlanExecutor, PlanTarget


@dataclass(frozen=True, slots=True)
class ExecutionRequest:
    """A workflow's text, a task, and how to execute the one on the other."""

    source: str
    query: str
    tools: tuple[Tool, ...]
    model: str
    """A name of the catalogue."""
    adapter: str | None
    sampling: Sampling
    """Of the steps; `max_tokens` is for one answer."""
    memory: MemoryStrategy
    limits: Limits
    plan: PlanTarget | None = None
    """What the answer's plan is executed on; None where the answer is all that is wanted."""


async def execute(
    workflow: Workflow, request: ExecutionRequest, model: LanguageModel, memory: Memory, plans: PlanExecutor
) -> AsyncGenerator[Event, None]:
    """Executes and yields each event as it happens; the last is always `Finished`.

    Closing the generator cancels the call in flight.

    Args:
        workflow: what the request's text says; without lint errors.
        request: the task, the limits and the rest.
        model: what the request's model is.
        memory: empty; what steps see of the earlier ones.
        plans: executes the answer's plan, where the request wants it.

    Raises:
        LanguageModelError: a call failed; PromptTooLong alone is an outcome instead.
        AutoFlowError: as `PlanExecutor.execute`.
    """
    clock = Clock(request.limits.max_seconds)
    bounded = BoundedModel(model, request.adapter, request.limits.max_tokens, clock)
    steps = {step.name: step for step in workflow.steps}
    step, executed = workflow.first, 0
    try:
        while True:
            if executed >= request.limits.max_steps:
                raise Stopped(
                    Outcome.STEP_LIMIT, f"{executed} steps were executed, {step.name!r} would be next"
                )
            # Neither names nor words of the workflow: whoever wrote it did not mean them for the trace.
            attributes = {"autoflow.step.index": executed, "autoflow.step.type": step.type.value}
            with span("workflow.step", attributes):
                yield StepStarted(step.name, executed)
                recalled = await memory.ask(step, bounded)
                answer = await bounded.complete(recalled.messages, request.sampling)
                memory.answered(step, answer)
                executed += 1
                yield StepAnswered(step.name, answer)
                if step.type is StepType.TERMINAL:
                    break
                branch = await way_out(step, answer, bounded)
                yield BranchTaken(step.name, branch.label, branch.target)
                step = steps[branch.target]
        finished = _ended(step, answer, executed, bounded.usage)
        if request.plan is not None and finished.outcome is Outcome.ANSWERED:
            yield PlanExecuted(await clock.within(partial(plans.execute, answer, request.plan)))
    except Stopped as stop:
        finished = Finished(stop.outcome, "", stop.detail, executed, bounded.usage)
    yield finished


def _ended(step: Step, answer: str, executed: int, usage: Usage) -> Finished:
    if answer.strip():
        return Finished(Outcome.ANSWERED, answer, "", executed, usage)
    return Finished(Outcome.NO_ANSWER, "", f"{step.name!r} gave an empty answer", executed, usage)
