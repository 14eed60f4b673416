"""Where an execution stands, told from the events that are kept of it.

A step is finished with the event that says where the execution goes from it. What was recorded of a step that
is not finished is kept by itself: its calls are not made again when the step is carried out once more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from autoflow.llm import Usage
from autoflow_interpreter.events import (
    BranchTaken,
    Counts,
    MemoryRecalled,
    ModelCalled,
    PersonAnswered,
    PersonAsked,
    PlanExecuted,
    Recorded,
    ReplyRefused,
    Resumed,
    Started,
    StepAnswered,
    StepStarted,
    ToolCalled,
    ToolReturned,
)


@dataclass(slots=True)
class Unfinished:
    """What was recorded of the step that is not finished."""

    step: str = ""
    """Its name; empty where none was begun."""
    calls: dict[bytes, list[ModelCalled]] = field(default_factory=lambda: defaultdict(list))
    """Finished calls of the model by what was asked, those of one digest in their order."""
    tool_called: ToolCalled | None = None
    """The last time that its tool was called."""
    tool_returned: ToolReturned | None = None
    recalled: bool = False
    refused: list[ReplyRefused] = field(default_factory=list)
    """Why replies could not be used, in their order."""
    answered: StepAnswered | None = None
    asked: PersonAsked | None = None
    person: PersonAnswered | None = None


@dataclass(frozen=True, slots=True)
class FinishedStep:
    """A step that is not executed again."""

    step: str
    answer: str
    called: ToolCalled | None
    returned: ToolReturned | None


@dataclass(slots=True)
class Past:
    """What is known of an execution; of a new one, nothing."""

    started: Started | None = None
    finished: list[FinishedStep] = field(default_factory=list)
    """In the order of their execution."""
    next: str = ""
    """The step that comes next; empty: the first."""
    unfinished: Unfinished = field(default_factory=Unfinished)
    plan_executed: bool = False
    model_calls: int = 0
    usage: Usage = field(default_factory=Usage)
    counts: Counts = field(default_factory=Counts)
    losses: int = 0
    """How often its server was lost since anything else was recorded."""
    seconds: float = 0.0
    """That it has run; those in which it waited for a person or for a server do not count."""

    def resumed(self, resumed: Resumed) -> None:
        """It goes on after its server was lost."""
        self.counts = replace(self.counts, resumptions=resumed.resumption)
        self.losses += 1


def past_of(events: Iterable[Recorded]) -> Past:
    """Where an execution stands.

    Args:
        events: all that are kept of it, in their order.
    """
    past = Past()
    last_ns = None
    for recorded in events:
        event = recorded.event
        # Time that nobody carried it out in ends with one of these.
        if last_ns is not None and not isinstance(event, Resumed | PersonAnswered):
            past.seconds += max(0, recorded.time_ns - last_ns) / 1e9
        last_ns = recorded.time_ns
        _take(past, event)
    return past


def _take(past: Past, event: object) -> None:
    here, counts = past.unfinished, past.counts
    if not isinstance(event, Resumed):
        past.losses = 0
    match event:
        case Started():
            past.started = event
        case StepStarted(step):
            here.step = step
        case ModelCalled():
            here.calls[event.digest].append(event)
            past.model_calls += 1
            past.usage += event.usage
            past.counts = replace(counts, repeated_model_calls=counts.repeated_model_calls + event.repeated)
        case MemoryRecalled():
            here.recalled = True
        case ReplyRefused():
            here.refused.append(event)
            past.counts = replace(counts, refused_replies=counts.refused_replies + 1)
        case ToolCalled():
            here.tool_called = event
            again = event.attempt > 1
            past.counts = replace(
                counts,
                tool_calls=counts.tool_calls + (event.attempt == 1),
                repeated_tool_calls=counts.repeated_tool_calls + again,
            )
        case ToolReturned():
            here.tool_returned = event
            past.counts = replace(counts, failed_tool_calls=counts.failed_tool_calls + event.failed)
        case StepAnswered():
            here.answered = event
        case PersonAsked():
            here.asked = event
        case PersonAnswered():
            here.person = event
        case BranchTaken(_, _, target):
            answer = here.answered.answer if here.answered else ""
            past.finished.append(FinishedStep(here.step, answer, here.tool_called, here.tool_returned))
            past.next, past.unfinished = target, Unfinished()
        case Resumed():
            past.resumed(event)
        case PlanExecuted():
            past.plan_executed = True
