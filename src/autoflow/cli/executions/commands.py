"""What `autoflow executions` does."""

from __future__ import annotations

from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

from autoflow.cli.console import Output, one_line
from autoflow.cli.executions.questions import how_to_answer
from autoflow.cli.executions.states import ENDED, answered, state_text
from autoflow.cli.executions.tables import executions_table, header
from autoflow.cli.executions.trace import Trace
from autoflow.cli.exits import CommandFailed, ExitCode
from autoflow.cli.names import execution_name
from autoflow.cli.reaching import interpreter_at
from autoflow.cli.wire import to_json
from autoflow.client import InterpreterClient
from autoflow.client.errors import RpcError
from autoflow.language import Workflow, check
from autoflow.v1 import interpreter_service_pb2 as pb

_PAGE = 100
_TAIL_SECONDS = 30 * 86_400.0
"""For as long as a person may be waited for."""


async def list_executions(address: str, state: str | None, limit: int, output: Output) -> None:
    """Prints the newest executions.

    Args:
        address: of the interpreter.
        state: only those in this state, such as `running`; None for all.
        limit: how many at most.
        output: where to print.
    """
    wanted = pb.EXECUTION_STATE_UNSPECIFIED
    if state is not None:
        wanted = pb.ExecutionState.Value(f"EXECUTION_STATE_{state.upper()}")
    request = pb.ListExecutionsRequest(page_size=min(limit, _PAGE), state=wanted)
    found: list[pb.Execution] = []
    async with (
        interpreter_at(address) as interpreter,
        aclosing(interpreter.list_executions(request)) as listed,
    ):
        async for execution in listed:
            found.append(execution)
            if len(found) == limit:
                break
    if output.json:
        output.document({"executions": [to_json(execution) for execution in found]})
    elif found:
        output.result(executions_table(found, output.out.width, datetime.now(UTC)))
    else:
        output.note("there are no executions")


async def show_execution(address: str, name: str, *, full: bool, output: Output) -> None:
    """Prints an execution and what has happened in it so far.

    Args:
        address: of the interpreter.
        name: of the execution.
        full: whether long texts are printed in full.
        output: where to print.
    """
    async with interpreter_at(address) as interpreter:
        execution = await _get(interpreter, name)
        events = await _so_far(interpreter, execution)
    if output.json:
        output.document({"execution": to_json(execution), "events": [to_json(event) for event in events]})
        return
    started = next((event.started for event in events if event.HasField("started")), None)
    output.result(header(execution, started))
    trace = Trace(_workflow(execution), calls=True, full=full)
    for event in events:
        # How it ended stands above.
        for line in () if event.HasField("finished") else trace.lines(event):
            output.result(line)
    if execution.state == pb.EXECUTION_STATE_WAITING:
        output.note(how_to_answer(execution.name, address))


async def tail_execution(address: str, name: str, *, full: bool, output: Output) -> bool:
    """Follows an execution to its end, from its beginning on.

    Returns:
        Whether it has given an answer.
    """
    async with interpreter_at(address) as interpreter:
        execution = await _get(interpreter, name)
        trace = Trace(_workflow(execution), calls=True, full=full)
        request = pb.WatchExecutionRequest(name=execution.name)
        well = False
        try:
            async with aclosing(interpreter.watch_execution(request, timeout=_TAIL_SECONDS)) as events:
                async for event in events:
                    _tell(event, trace, output)
                    well = event.HasField("finished") and answered(event.finished)
                    # Of earlier questions the answers follow.
                    if event.HasField("person_asked") and event.sequence >= execution.events - 1:
                        output.note(how_to_answer(execution.name, address))
        except RpcError:
            execution = await _get(interpreter, name)
            if execution.state not in ENDED:
                raise
            why = f": {execution.error.message}" if execution.HasField("error") else ""
            output.note(one_line(f"{execution.name} {state_text(execution)}{why}"))
    return well


async def answer_execution(address: str, name: str, answer: str, output: Output) -> None:
    """Answers the question that an execution waits with.

    Raises:
        CommandFailed: it waits with none.
    """
    async with interpreter_at(address) as interpreter:
        waiting = await _get(interpreter, name)
        if waiting.state != pb.EXECUTION_STATE_WAITING:
            if await _last_answer(interpreter, waiting) == answer:
                # A script may send an answer twice, as any caller may.
                return _state(waiting, output)
            reason = f"{waiting.name} is {state_text(waiting)}, and waits for no answer"
            raise CommandFailed(reason, ExitCode.USAGE)
        request = pb.ResumeExecutionRequest(
            name=waiting.name, question_sequence=waiting.question_sequence, answer=answer
        )
        execution = (await interpreter.resume_execution(request)).execution
    _state(execution, output)


async def cancel_execution(address: str, name: str, output: Output) -> bool:
    """Wants an execution cancelled and prints where it stands.

    Returns:
        Whether it is cancelled or will be; False where it had ended before.
    """
    async with interpreter_at(address) as interpreter:
        request = pb.CancelExecutionRequest(name=execution_name(name))
        execution = (await interpreter.cancel_execution(request)).execution
    _state(execution, output)
    return execution.state not in ENDED - {pb.EXECUTION_STATE_CANCELLED}


async def _get(interpreter: InterpreterClient, name: str) -> pb.Execution:
    request = pb.GetExecutionRequest(name=execution_name(name))
    return (await interpreter.get_execution(request)).execution


async def _last_answer(interpreter: InterpreterClient, execution: pb.Execution) -> str:
    """What a person answered last; empty where nobody was asked."""
    events = await _so_far(interpreter, execution)
    answers = [event.person_answered.answer for event in events if event.HasField("person_answered")]
    return answers[-1] if answers else ""


async def _so_far(interpreter: InterpreterClient, execution: pb.Execution) -> list[pb.ExecutionEvent]:
    """The events that were stored when the execution was asked for."""
    events: list[pb.ExecutionEvent] = []
    if not execution.events:
        return events
    request = pb.WatchExecutionRequest(name=execution.name)
    async with aclosing(interpreter.watch_execution(request)) as stream:
        async for event in stream:
            events.append(event)
            # The next one may be long in coming, or an error.
            if len(events) == execution.events:
                break
    return events


def _workflow(execution: pb.Execution) -> Workflow | None:
    return check(execution.request.workflow.source).workflow


def _tell(event: pb.ExecutionEvent, trace: Trace, output: Output) -> None:
    if output.json:
        output.record(to_json(event))
        return
    for line in trace.lines(event):
        output.result(line)


def _state(execution: pb.Execution, output: Output) -> None:
    if output.json:
        document: dict[str, Any] = to_json(execution)
        output.document(document)
    else:
        output.line(f"{execution.name} {state_text(execution)}")
