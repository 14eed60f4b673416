"""Executes one workflow on one task, by an interpreter that is there or one that runs in this process."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from google.protobuf.duration_pb2 import Duration

from autoflow.cli.commands.lint import diagnostic_line
from autoflow.cli.console import Output
from autoflow.cli.execution.contents import PlanFiles
from autoflow.cli.execution.events import EventPrinter
from autoflow.cli.exits import CommandFailed, ExitCode
from autoflow.cli.reaching import reaching
from autoflow.cli.runtime import local_services, log_to
from autoflow.cli.source import label, read_source
from autoflow.cli.wire import to_json
from autoflow.client import Client
from autoflow.convert import tool_to_proto
from autoflow.language import Workflow, check
from autoflow.suites import load_suite
from autoflow.v1 import interpreter_service_pb2, model_pb2, workflow_pb2

_SLACK = 30.0
"""Seconds that a call has beyond the execution's own limit, which is the one that should end it."""
_EXPERTS = "AUTOFLOW_EXPERTS_ADDRESS"


@dataclass(frozen=True, slots=True)
class Options:
    """How to execute."""

    model: str
    """A name of the interpreter's catalogue."""
    suite: str | None
    """Its tools are named to the model; None names none."""
    temperature: float
    seed: int
    max_steps: int
    seconds: float
    memory: Literal["append", "traverse", "direct", "embedding"] = "append"
    """What a step sees of the earlier ones."""
    plan: PlanFiles | None = None
    """What the answer's plan is executed on; None where the answer is all that is wanted."""


async def execute_file(name: str, query: str, options: Options, address: str | None, output: Output) -> bool:
    """Executes a workflow and prints what happens.

    Args:
        name: the workflow's file, or `-` for standard input.
        query: the task.
        options: how.
        address: of an interpreter; None starts one.
        output: where to print.

    Returns:
        Whether there is an answer, and an output where a plan is executed; False, too, where the workflow has
        lint errors.

    Raises:
        CommandFailed: the file cannot be read, no interpreter can be reached, or there is no place for the
            output.
        RpcError: the interpreter refuses the request, or fails.
    """
    source = read_source(name)
    workflow = _sound(name, source, output)
    if workflow is None:
        return False
    request = _request(source, query, options)
    with nullcontext() if options.plan is None else options.plan.place():
        return await _execute(workflow, request, options, address, output)


async def _execute(
    workflow: Workflow,
    request: interpreter_service_pb2.ExecuteWorkflowRequest,
    options: Options,
    address: str | None,
    output: Output,
) -> bool:
    printer = EventPrinter(workflow, output, plan=options.plan is not None)
    finished: interpreter_service_pb2.ExecutionFinished | None = None
    executed: interpreter_service_pb2.ExecutePlanResponse | None = None
    with_tools = options.plan is not None
    async with _interpreter(address, output, with_tools) as reached, Client(interpreter=reached) as client:
        with reaching("interpreter", reached):
            stream = client.interpreter.execute_workflow(request, timeout=options.seconds + _SLACK)
            async with aclosing(stream):
                async for event in stream:
                    if output.json:
                        output.record(to_json(event))
                    else:
                        printer.show(event)
                    if event.HasField("plan_executed"):
                        executed = event.plan_executed
                    elif event.HasField("finished"):
                        finished = event.finished
    if finished is None:
        raise CommandFailed("the interpreter ended the stream without a last word", ExitCode.UNAVAILABLE)
    if options.plan is not None and executed is not None:
        return options.plan.deliver(executed, output)
    return finished.outcome == interpreter_service_pb2.EXECUTION_OUTCOME_ANSWERED


def _sound(name: str, source: str, output: Output) -> Workflow | None:
    checked = check(source)
    if checked.ok:
        return checked.workflow
    for found in checked.diagnostics:
        output.note(diagnostic_line(name, found))
    output.note(f"{label(name)}: a workflow with lint errors cannot be executed")
    return None


def _request(source: str, query: str, options: Options) -> interpreter_service_pb2.ExecuteWorkflowRequest:
    tools = load_suite(options.suite).tools if options.suite is not None else ()
    limit = Duration()
    limit.FromTimedelta(timedelta(seconds=options.seconds))
    return interpreter_service_pb2.ExecuteWorkflowRequest(
        # A field of a message holds no lone surrogates; the linter has remarked on them.
        workflow=workflow_pb2.Workflow(source=source.encode(errors="replace").decode()),
        query=query.encode(errors="replace").decode(),
        tools=[tool_to_proto(tool) for tool in tools],
        model=model_pb2.ModelRef(model=options.model),
        sampling=model_pb2.SamplingParams(temperature=options.temperature, seed=options.seed),
        memory=interpreter_service_pb2.MemoryStrategy.Value(f"MEMORY_STRATEGY_{options.memory.upper()}"),
        limits=interpreter_service_pb2.ExecutionLimits(max_steps=options.max_steps, max_wall_time=limit),
        plan=None if options.plan is None else options.plan.target(),
    )


@asynccontextmanager
async def _interpreter(address: str | None, output: Output, with_tools: bool) -> AsyncIterator[str]:
    if address is not None:
        yield address
        return
    log_to(None, "ERROR")
    output.note("no interpreter was named: starting one in this process")
    # Who has named experts has them already.
    services = ["interpreter"] if not with_tools or os.environ.get(_EXPERTS) else ["experts", "interpreter"]
    async with local_services(os.environ, services) as system:
        yield system.addresses["interpreter"]
