"""Executes one workflow on one task, by an interpreter that is there or one that runs in this process."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, nullcontext
from dataclasses import dataclass
from tempfile import TemporaryDirectory

from autoflow.cli.commands.lint import diagnostic_line
from autoflow.cli.console import Output
from autoflow.cli.execution.events import EventPrinter
from autoflow.cli.execution.request import Options, request_of
from autoflow.cli.executions.questions import Questions, how_to_answer, terminal
from autoflow.cli.executions.states import answered
from autoflow.cli.exits import CommandFailed, ExitCode
from autoflow.cli.options import MODEL
from autoflow.cli.reaching import interpreter_at
from autoflow.cli.runtime import local_services, log_to
from autoflow.cli.source import is_registered, label, read_source
from autoflow.client.errors import Cancelled
from autoflow.client.interpreter import InterpreterClient
from autoflow.language import Workflow, check
from autoflow.v1 import interpreter_service_pb2 as pb

_EXPERTS = "AUTOFLOW_EXPERTS_ADDRESS"
_DATA = "AUTOFLOW_INTERPRETER_DATA"


async def execute_file(name: str, query: str, options: Options, address: str | None, output: Output) -> bool:
    """Executes a workflow and prints what happens.

    Args:
        name: the workflow's file, `-` for standard input, or the name of a registered workflow.
        query: the task.
        options: how.
        address: of an interpreter; None starts one.
        output: where to print.

    Returns:
        Whether there is an answer, and an output where a plan is executed; False, too, where the workflow has
        lint errors, or somebody cancels the execution.

    Raises:
        CommandFailed: the file cannot be read, no interpreter can be reached, or there is no place for the
            output.
        RpcError: the interpreter refuses the request, or fails.
    """
    version = name if is_registered(name) else ""
    source = "" if version else read_source(name)
    workflow = None if version else _sound(name, source, output)
    if workflow is None and not version:
        return False
    if options.model == MODEL and options.step_tools:
        output.note(
            "the embedded model was never trained to call tools: it hardly will, and not as it should"
        )
    request = request_of(source, query, options, version)
    with nullcontext() if options.plan is None else options.plan.place():
        told = await _execute(workflow, request, options, address, output)
        if told is None:
            return False
        if told.finished is None:
            reason = "the interpreter ended the stream without a last word"
            raise CommandFailed(reason, ExitCode.UNAVAILABLE)
        if options.plan is not None and told.executed is not None:
            return options.plan.deliver(told.executed, output)
        return answered(told.finished)


@dataclass(slots=True)
class _Told:
    """What the events of an execution have told so far."""

    name: str = ""
    executed: pb.ExecutePlanResponse | None = None
    finished: pb.ExecutionFinished | None = None

    def hear(self, event: pb.ExecutionEvent) -> None:
        match event.WhichOneof("event"):
            case "started":
                self.name = event.started.execution
            case "plan_executed":
                self.executed = event.plan_executed
            case "finished":
                self.finished = event.finished


async def _execute(
    workflow: Workflow | None,
    request: pb.ExecuteWorkflowRequest,
    options: Options,
    address: str | None,
    output: Output,
) -> _Told | None:
    """What was told at last; None where somebody has cancelled it."""
    printer = EventPrinter(workflow, output, plan=options.plan is not None, named=address is not None)
    told = _Told()
    async with (
        _interpreter(address, output, options.plan is not None) as reached,
        interpreter_at(reached) as interpreter,
        Questions(interpreter, reached, terminal(output), output) as questions,
        aclosing(interpreter.execute_workflow(request, timeout=options.patience(workflow))) as events,
    ):
        try:
            async for event in events:
                if event.started.workflow_version:
                    printer.read(await _executed(interpreter, event.started.execution))
                printer.show(event)
                told.hear(event)
                await questions.hear(told.name, event)
        except Cancelled as cancelled:
            output.note(cancelled.message)
            return None
        except asyncio.CancelledError:
            if told.name and address is not None:
                output.note(_left(told.name, questions.open, options.on_disconnect, address))
            raise
    return told


async def _executed(interpreter: InterpreterClient, name: str) -> Workflow | None:
    """The workflow that an execution executes."""
    answer = await interpreter.get_execution(pb.GetExecutionRequest(name=name))
    return check(answer.execution.request.workflow.source).workflow


def _left(name: str, waits: bool, on_disconnect: str, address: str) -> str:
    """What becomes of an execution that is left."""
    if waits:
        return f"it goes on waiting; {how_to_answer(name, address)}"
    if on_disconnect == "continue":
        return f"{name} goes on: autoflow executions tail {name.removeprefix('executions/')}"
    return f"{name} is cancelled"


def _sound(name: str, source: str, output: Output) -> Workflow | None:
    checked = check(source)
    if checked.ok:
        return checked.workflow
    for found in checked.diagnostics:
        output.note(diagnostic_line(name, found))
    output.note(f"{label(name)}: a workflow with lint errors cannot be executed")
    return None


@asynccontextmanager
async def _interpreter(address: str | None, output: Output, with_tools: bool) -> AsyncIterator[str]:
    if address is not None:
        yield address
        return
    log_to(None, "ERROR")
    output.note("no interpreter was named: starting one in this process")
    # Who has named experts has them already.
    services = ["interpreter"] if not with_tools or os.environ.get(_EXPERTS) else ["experts", "interpreter"]
    with TemporaryDirectory(prefix="autoflow-") as folder:
        # Its executions end with the command, unless whoever calls has named a place for them.
        env = {_DATA: folder, **os.environ}
        async with local_services(env, services) as system:
            yield system.addresses["interpreter"]
