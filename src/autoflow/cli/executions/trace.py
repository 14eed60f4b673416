"""What happened in an execution, event by event, in words that fit the terminal.

It is made for events as they come: nothing is told that a later event says, and nothing is held back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from autoflow.cli.console import one_line, printable
from autoflow.cli.executions.states import outcome_text, totals
from autoflow.cli.figures import count
from autoflow.cli.wire import enum_word, local_time
from autoflow.language import Step, StepType, Workflow
from autoflow.v1 import interpreter_service_pb2 as pb

_INDENT = 2
_LABEL = 8
_SHORT = 400
"""Characters of a text that is not shown in full."""
_UNSEEN = "of a kind that this version does not know"


class Trace:
    """Says what events mean; give it those of one execution, in order.

    Args:
        workflow: what is executed; None where it is not known.
        calls: whether calls of the model, and what steps see, are told.
        full: whether long texts are told in full.
    """

    def __init__(self, workflow: Workflow | None, *, calls: bool, full: bool = False) -> None:
        self._steps = {step.name: step for step in workflow.steps} if workflow is not None else {}
        self._calls = calls
        self._full = full
        self._visits: Counter[str] = Counter()
        self._before: Timestamp | None = None
        self._since = 0.0
        self._tellers: dict[str, Callable[[Any], list[RenderableType]]] = {
            "started": self._started,
            "step_started": self._step_started,
            "memory_recalled": self._recalled,
            "model_called": self._called,
            "reply_refused": self._refused,
            "tool_called": self._tool_called,
            "tool_returned": self._returned,
            "step_answered": self._answered,
            "branch_taken": self._branched,
            "person_asked": self._asked,
            "person_answered": self._person_answered,
            "resumed": self._resumed,
            "plan_executed": self._plan_executed,
            "finished": self._finished,
        }

    def lines(self, event: pb.ExecutionEvent) -> list[RenderableType]:
        """What to print of an event; may be nothing."""
        self._since = 0.0 if self._before is None else _seconds(event.time) - _seconds(self._before)
        self._before = event.time
        kind = event.WhichOneof("event")
        if kind is None:
            return [self._row("event", Text(f"{event.sequence}, {_UNSEEN}", "dim"))]
        tell = self._tellers.get(kind)
        if tell is None:
            return [self._row("event", Text(kind.replace("_", " "), "dim"))]
        return tell(getattr(event, kind))

    def _started(self, event: pb.ExecutionStarted) -> list[RenderableType]:
        if not event.protocol_reason:
            return []
        protocol = protocol_word(event.protocol)
        return [Text(one_line(f"{protocol}: {event.protocol_reason}"), "yellow")]

    def _step_started(self, event: pb.StepStarted) -> list[RenderableType]:
        self._visits[event.step] += 1
        visit = self._visits[event.step]
        again = f"  time {visit}" if visit > 1 else ""
        step = self._steps.get(event.step)
        head = Text.assemble((one_line(event.step), "bold cyan"), (_type(step), "dim"), (again, "yellow"))
        lines: list[RenderableType] = [Text(), head] if self._calls else [head]
        if step is not None:
            lines.append(_indented(Text(one_line(step.instruction), style="dim")))
        return lines

    def _recalled(self, event: pb.MemoryRecalled) -> list[RenderableType]:
        if not self._calls:
            return []
        told = [", ".join(map(one_line, event.shown)) or "nothing"]
        told += [f"no room for {', '.join(map(one_line, event.cut))}"] if event.cut else []
        told += [f"not told whether {', '.join(map(one_line, event.unread))} matter"] if event.unread else []
        return [self._row("sees", Text("; ".join(told), "yellow" if event.cut or event.unread else ""))]

    def _called(self, event: pb.ModelCalled) -> list[RenderableType]:
        if not self._calls:
            return []
        usage = event.usage
        purpose = purpose_word(event.purpose)
        tokens = f"{usage.prompt_tokens:,} + {usage.completion_tokens:,} tokens"
        cached = f" ({usage.cached_prompt_tokens:,} cached)" if usage.cached_prompt_tokens else ""
        lines: list[RenderableType] = [self._timed("call", Text(f"{purpose}, {tokens}{cached}"))]
        if self._full and event.reply:
            lines.append(self._row("", Text(printable(event.reply), "dim")))
        return lines

    def _refused(self, event: pb.ReplyRefused) -> list[RenderableType]:
        what = f"{purpose_word(event.purpose)}: {self._short(event.problem)}"
        return [self._row("refused", Text(what, "yellow"))]

    def _tool_called(self, event: pb.ToolCalled) -> list[RenderableType]:
        again = f"  attempt {event.attempt}" if event.attempt > 1 else ""
        if event.attempt == 0:
            again = "  not called: these are no arguments for it"
        said = (self._short(event.arguments), "dim")
        text = Text.assemble((one_line(event.tool), "bold"), " ", said, (again, "yellow"))
        return [self._row("tool", text)]

    def _returned(self, event: pb.ToolReturned) -> list[RenderableType]:
        if event.WhichOneof("result") == "failure":
            return [self._timed("failed", Text(self._short(event.failure), "red"))]
        pictures = [f"picture {one_line(image)}" for image in event.images]
        told = "\n".join([*([self._short(event.output)] if event.output or not pictures else []), *pictures])
        return [self._timed("returned", Text(told))]

    def _answered(self, event: pb.StepAnswered) -> list[RenderableType]:
        if self._calls:
            return [self._row("answer", Text(self._short(event.answer)))]
        return [_indented(Text(printable(event.answer)))]

    def _branched(self, event: pb.BranchTaken) -> list[RenderableType]:
        step = self._steps.get(event.step)
        # A process has one way out, which the next step's name tells.
        if step is not None and step.type is not StepType.DECISION:
            return []
        text = Text(f"{one_line(event.label)} → {one_line(event.target)}", style="magenta")
        return [self._row("branch", text)] if self._calls else [_indented(text)]

    def _asked(self, event: pb.PersonAsked) -> list[RenderableType]:
        until = Text.assemble("a person, until ", local_time(event.deadline, zone=True), style="bold yellow")
        lines: list[RenderableType] = [self._row("asks", until)]
        # Else it is the instruction, and stands above.
        if event.step not in self._steps:
            lines.append(self._row("", Text(printable(event.question))))
        if event.options:
            lines.append(self._row("", Text(f"one of: {', '.join(map(one_line, event.options))}")))
        return lines

    def _person_answered(self, event: pb.PersonAnswered) -> list[RenderableType]:
        return [self._timed("told", Text(self._short(event.answer), "bold"))]

    def _resumed(self, event: pb.ExecutionResumed) -> list[RenderableType]:
        text = f"resumed after its server was lost, time {event.resumption}"
        return [Text(text, "yellow")]

    def _plan_executed(self, event: pb.ExecutePlanResponse) -> list[RenderableType]:
        if not self._calls:
            return []
        word = enum_word(pb.PlanOutcome.DESCRIPTOR, "PLAN_OUTCOME_", event.outcome)
        names = " → ".join(one_line(match.tool) for match in event.matches)
        detail = one_line(event.detail) or names
        return [Text(), self._row("plan", Text(f"{word}: {detail}" if detail else word))]

    def _finished(self, event: pb.ExecutionFinished) -> list[RenderableType]:
        line = Text.assemble(outcome_text(event), f": {totals(event)}", overflow="fold")
        return [Text(), line] if self._calls else [line]

    def _timed(self, label: str, text: Text) -> RenderableType:
        """A row that says how long what it tells took: the time since the event before."""
        seconds = f"  {self._since:.1f} s" if self._calls and self._since >= 0 else ""
        return self._row(label, Text.assemble(text, (seconds, "dim")))

    def _row(self, label: str, text: Text) -> RenderableType:
        table = Table.grid(padding=(0, 1))
        table.add_column(width=_LABEL, no_wrap=True)
        table.add_column(overflow="fold")
        table.add_row(Text(label, "dim"), text)
        return _indented(table)

    def _short(self, text: str) -> str:
        whole = printable(text)
        if self._full or len(whole) <= _SHORT:
            return whole
        return f"{whole[:_SHORT]}… ({count(len(whole) - _SHORT, 'more character')})"


def protocol_word(protocol: int) -> str:
    """Such as `fused`."""
    return enum_word(pb.ExecutionProtocol.DESCRIPTOR, "EXECUTION_PROTOCOL_", protocol)


def purpose_word(purpose: int) -> str:
    """Such as `tool choice`."""
    return enum_word(pb.CallPurpose.DESCRIPTOR, "CALL_PURPOSE_", purpose)


def _type(step: Step | None) -> str:
    return f"  {step.type}" if step is not None else ""


def _indented(what: RenderableType) -> RenderableType:
    return Padding(what, (0, 0, 0, _INDENT), expand=False)


def _seconds(stamp: Timestamp) -> float:
    return stamp.seconds + stamp.nanos / 1e9
