"""Shows an execution as it happens."""

from __future__ import annotations

from autoflow.cli.console import Output, one_line, printable
from autoflow.cli.executions.states import answered
from autoflow.cli.executions.trace import Trace
from autoflow.cli.wire import to_json
from autoflow.language import Workflow
from autoflow.v1.interpreter_service_pb2 import ExecutionEvent, ExecutionFinished


class EventPrinter:
    """Prints what happens to standard error and the answer to standard output; with JSON, every event there.

    Args:
        workflow: what is executed; None where it is not known yet.
        output: where to print.
        plan: whether the answer is a plan that is executed: then standard output is for what comes of it, and
            the answer goes to standard error, too.
        named: whether the execution's name is of use when the command has ended.
    """

    def __init__(self, workflow: Workflow | None, output: Output, *, plan: bool, named: bool) -> None:
        self._trace = Trace(workflow, calls=False)
        self._output = output
        self._plan = plan
        self._named = named

    def read(self, workflow: Workflow | None) -> None:
        """Is told what is executed, before any step is shown."""
        self._trace = Trace(workflow, calls=False)

    def show(self, event: ExecutionEvent) -> None:
        """Prints one event."""
        if self._output.json:
            self._output.record(to_json(event))
            return
        if self._named and event.HasField("started"):
            self._output.note(one_line(event.started.execution))
        if event.started.workflow_version:
            self._output.note(one_line(event.started.workflow_version))
        for line in self._trace.lines(event):
            self._output.err.print(line)
        if event.HasField("finished"):
            self._finished(event.finished)

    def _finished(self, finished: ExecutionFinished) -> None:
        if not answered(finished):
            self._output.note(one_line(finished.detail))
        elif self._plan:
            self._output.note(printable(finished.answer))
        else:
            self._output.line(printable(finished.answer))
