"""Shows an execution as it happens."""

from __future__ import annotations

from rich.padding import Padding
from rich.text import Text

from autoflow.cli.console import Output, one_line, printable
from autoflow.cli.wire import enum_word
from autoflow.language import StepType, Workflow
from autoflow.v1 import interpreter_service_pb2
from autoflow.v1.interpreter_service_pb2 import ExecutionEvent, ExecutionFinished

_INDENT = 2


class EventPrinter:
    """Prints the steps to standard error and the answer to standard output.

    Args:
        workflow: what is executed.
        output: where to print.
        plan: whether the answer is a plan that is executed: then standard output is for what comes of it, and
            the answer goes to standard error, too.
    """

    def __init__(self, workflow: Workflow, output: Output, *, plan: bool = False) -> None:
        self._workflow = workflow
        self._output = output
        self._plan = plan

    def show(self, event: ExecutionEvent) -> None:
        """Prints one event."""
        match event.WhichOneof("event"):
            case "step_started":
                self._started(event.step_started.step)
            case "step_answered":
                self._indented(Text(printable(event.step_answered.answer)))
            case "branch_taken":
                self._branched(event.branch_taken.step, event.branch_taken.label, event.branch_taken.target)
            case "finished":
                self._finished(event.finished)

    def _started(self, name: str) -> None:
        step = self._workflow.step(name)
        head = Text.assemble((one_line(step.name), "bold cyan"), (f"  {step.type}", "dim"))
        self._output.note(head)
        self._indented(Text(one_line(step.instruction), style="dim"))

    def _branched(self, name: str, label: str, target: str) -> None:
        # A process has one way out, which the next step's name tells.
        if self._workflow.step(name).type is StepType.DECISION:
            self._indented(Text(f"{one_line(label)} → {one_line(target)}", style="magenta"))

    def _finished(self, finished: ExecutionFinished) -> None:
        answered = finished.outcome == interpreter_service_pb2.EXECUTION_OUTCOME_ANSWERED
        enum = interpreter_service_pb2.ExecutionOutcome.DESCRIPTOR
        words = enum_word(enum, "EXECUTION_OUTCOME_", finished.outcome)
        tokens = finished.usage.prompt_tokens + finished.usage.completion_tokens
        cost = f"{finished.steps} steps, {finished.usage.llm_calls} calls, {tokens:,} tokens"
        self._output.note(Text.assemble((words, "bold green" if answered else "bold red"), f": {cost}"))
        if answered and self._plan:
            self._output.note(printable(finished.answer))
        elif answered:
            self._output.line(printable(finished.answer))
        else:
            self._output.note(one_line(finished.detail))

    def _indented(self, text: Text) -> None:
        self._output.err.print(Padding(text, (0, 0, 0, _INDENT), expand=False))
