"""What happens in an execution, and how one ends: plain values without a wire format."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from autoflow.llm import Usage
from autoflow_interpreter.plan_execution import PlanResult


class Outcome(StrEnum):
    """How an execution ended."""

    ANSWERED = "answered"
    """A terminal step was reached and gave an answer."""
    NO_ANSWER = "no answer"
    """A terminal step was reached and gave an empty answer."""
    UNDECIDED = "undecided"
    """A decision's branch could not be told from the model's words, not even when asked once more."""
    STEP_LIMIT = "step limit"
    TOKEN_LIMIT = "token limit"
    """The limit on tokens, or the model's context, was reached."""
    TIME_LIMIT = "time limit"


@dataclass(frozen=True, slots=True)
class StepStarted:
    """A step begins."""

    step: str
    executed_before: int
    """How many steps were executed before it; a step that a loop executes again counts again."""


@dataclass(frozen=True, slots=True)
class StepAnswered:
    """The model answered a step's instruction."""

    step: str
    answer: str


@dataclass(frozen=True, slots=True)
class BranchTaken:
    """The way out of a step was taken."""

    step: str
    label: str
    target: str


@dataclass(frozen=True, slots=True)
class PlanExecuted:
    """The answer's plan was executed, or cannot be; the last event but one."""

    result: PlanResult


@dataclass(frozen=True, slots=True)
class Finished:
    """The execution is over; always the last event."""

    outcome: Outcome
    answer: str
    """Empty unless the outcome is ANSWERED."""
    detail: str
    """One sentence that says why, where the outcome is not ANSWERED."""
    steps: int
    """Steps whose instruction was answered."""
    usage: Usage


Event = StepStarted | StepAnswered | BranchTaken | PlanExecuted | Finished


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event with its place in the execution."""

    sequence: int
    """From 0, without gaps."""
    time_ns: int
    """Nanoseconds since the Unix epoch."""
    event: Event
