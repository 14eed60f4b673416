"""What happens in an execution, and how one ends: plain values without a wire format.

The events of an execution are all that is kept of it: from them it goes on after its server was lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
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
    UNREADABLE = "unreadable"
    """A structured reply could not be read, not even after corrections."""
    ASK_TIMEOUT = "ask timeout"
    """Nobody answered a step marked `[ask]` in time."""
    STEP_LIMIT = "step limit"
    CALL_LIMIT = "call limit"
    """The limit on calls of the model was reached."""
    TOKEN_LIMIT = "token limit"
    """The limit on tokens, or the model's context, was reached."""
    COST_LIMIT = "cost limit"
    TIME_LIMIT = "time limit"


class Protocol(StrEnum):
    """How a step is put to the model."""

    STEPWISE = "stepwise"
    """One question for each part of a step."""
    FUSED = "fused"
    """One structured question a step."""


class MemoryStrategy(StrEnum):
    """What a step sees of the earlier ones."""

    APPEND = "append"
    """Everything, in order."""
    TRAVERSE = "traverse"
    """What the model calls relevant, asked about each answer by itself."""
    DIRECT = "direct"
    """What the model picks from a list."""
    EMBEDDING = "embedding"
    """What is nearest to the instruction."""


class Purpose(StrEnum):
    """What a call of the model is for."""

    STEP = "step"
    """The whole step, in one structured reply."""
    ANSWER = "answer"
    RECALL = "recall"
    """Which earlier answers matter."""
    TOOL_NEEDED = "tool needed"
    TOOL_CHOICE = "tool choice"
    ARGUMENTS = "arguments"
    """Of a tool."""
    SUMMARY = "summary"
    """What a tool's output means for the step's answer."""
    BRANCH = "branch"


@dataclass(frozen=True, slots=True)
class Started:
    """The execution begins; always the first event."""

    execution: str
    """Its id."""
    protocol: Protocol
    protocol_reason: str
    """Why the protocol is not the one that was asked for; empty where it is."""
    prompt_version: str
    memory: MemoryStrategy
    step_tools: tuple[str, ...]
    """Those that steps may call, sorted."""
    workflow_version: str = ""
    """The registered version that is executed; empty for a text."""


@dataclass(frozen=True, slots=True)
class StepStarted:
    """A step begins."""

    step: str
    executed_before: int
    """How many steps were executed before it; a step that a loop executes again counts again."""


@dataclass(frozen=True, slots=True)
class MemoryRecalled:
    """What earlier answers a step sees, by their keys; see `memory.Recollection`."""

    step: str
    shown: tuple[str, ...]
    cut: tuple[str, ...]
    unread: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ModelCalled:
    """The model was called."""

    step: str
    purpose: Purpose
    reply: str
    """As it was drawn; of a choice the option, of embeddings nothing."""
    choice: int | None
    """The index of the option, where the call was a choice."""
    usage: Usage
    digest: bytes
    """Identifies what was asked within the execution."""
    repeated: bool = False
    """Whether the same call may have been under way when the server was lost."""


@dataclass(frozen=True, slots=True)
class ReplyRefused:
    """A reply of the model could not be used, and it is asked once more."""

    step: str
    purpose: Purpose
    problem: str


@dataclass(frozen=True, slots=True)
class ToolCalled:
    """A tool is called."""

    step: str
    tool: str
    arguments: str
    """A JSON object."""
    call_id: str
    attempt: int
    """1, or 2 where the server was lost while the call was under way; 0 where it is not made: its arguments
    did not fit the tool, not even after corrections."""


@dataclass(frozen=True, slots=True)
class ToolReturned:
    """What came of the call of a tool."""

    step: str
    call_id: str
    text: str
    """What it brought, or why it brought nothing."""
    failed: bool
    images: tuple[str, ...] = ()
    """The names of its pictures, `sha256:<hex>`."""


@dataclass(frozen=True, slots=True)
class StepAnswered:
    """A step's instruction was answered."""

    step: str
    answer: str


@dataclass(frozen=True, slots=True)
class BranchTaken:
    """The way out of a step was taken."""

    step: str
    label: str
    target: str


@dataclass(frozen=True, slots=True)
class PersonAsked:
    """A person is asked; the execution waits."""

    step: str
    question: str
    options: tuple[str, ...]
    """The labels of a decision; empty where anything may be answered."""
    deadline: datetime


@dataclass(frozen=True, slots=True)
class PersonAnswered:
    """The person answered; the execution goes on."""

    step: str
    answer: str


@dataclass(frozen=True, slots=True)
class Resumed:
    """The execution goes on after its server was lost."""

    resumption: int
    """How often it was resumed, this time included."""


@dataclass(frozen=True, slots=True)
class PlanExecuted:
    """The answer's plan was executed, or cannot be; the last event but one."""

    result: PlanResult


@dataclass(frozen=True, slots=True)
class Counts:
    """What an execution did, beside its steps."""

    tool_calls: int = 0
    failed_tool_calls: int = 0
    refused_replies: int = 0
    repeated_tool_calls: int = 0
    """Those that were made once more because the server was lost while they were under way."""
    resumptions: int = 0
    repeated_model_calls: int = 0
    """Those that may have been under way when the server was lost, and were made once more."""


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
    counts: Counts = Counts()


Event = (
    Started
    | StepStarted
    | MemoryRecalled
    | ModelCalled
    | ReplyRefused
    | ToolCalled
    | ToolReturned
    | StepAnswered
    | BranchTaken
    | PersonAsked
    | PersonAnswered
    | Resumed
    | PlanExecuted
    | Finished
)


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event with its place in the execution."""

    sequence: int
    """From 0, without gaps."""
    time_ns: int
    """Nanoseconds since the Unix epoch."""
    event: Event
