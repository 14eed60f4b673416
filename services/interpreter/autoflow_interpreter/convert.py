"""The interpreter's requests and its executions, from and into messages."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RequestInfo
from google.rpc.status_pb2 import Status

from autoflow.convert import sampling_from_proto, tool_from_proto
from autoflow.errors import InvalidArgument
from autoflow.server.errors import failure
from autoflow.v1 import interpreter_service_pb2 as pb
from autoflow.v1 import model_pb2
from autoflow_interpreter.event_convert import (
    MEMORIES,
    PROTOCOLS,
    asked_to_proto,
    event_from_proto,
    event_to_proto,
    execution_name,
    finished_to_proto,
    timestamp,
)
from autoflow_interpreter.events import Finished, MemoryStrategy, PersonAsked, Recorded
from autoflow_interpreter.execution import DEFAULT_ASK_SECONDS, ExecutionRequest
from autoflow_interpreter.executions.model import Execution, ExecutionState, Failure
from autoflow_interpreter.limits import Limits
from autoflow_interpreter.plan_convert import plan_target_from_proto

_REQUEST = RequestInfo.DESCRIPTOR.full_name

_STATES: Mapping[ExecutionState, pb.ExecutionState.ValueType] = MappingProxyType(
    {state: pb.ExecutionState.Value(f"EXECUTION_STATE_{state.name}") for state in ExecutionState}
)
_STATES_BACK = {value: state for state, value in _STATES.items()}
_MEMORIES_BACK = {value: each for each, value in MEMORIES.items()}
_PROTOCOLS_BACK = {value: each for each, value in PROTOCOLS.items()}


def request_from_proto(message: pb.ExecuteWorkflowRequest, *, max_tokens: int) -> ExecutionRequest:
    """What is to be executed.

    Args:
        message: validated.
        max_tokens: the limit of one step's answer, where the request gives none.

    Raises:
        InvalidArgument: two samples of the plan have inputs of other types, or `*` is not alone.
    """
    if "*" in message.step_tools and len(message.step_tools) > 1:
        raise InvalidArgument("step_tools", "`*` stands for every tool", fix="leave the other names out")
    return ExecutionRequest(
        source=message.workflow.source,
        query=message.query,
        tools=tuple(tool_from_proto(tool) for tool in message.tools),
        model=message.model.model,
        adapter=message.model.adapter or None,
        sampling=sampling_from_proto(message.sampling, max_tokens=max_tokens),
        memory=_MEMORIES_BACK.get(message.memory, MemoryStrategy.APPEND),
        limits=_limits_from_proto(message.limits),
        plan=plan_target_from_proto(message.plan, "plan.") if message.HasField("plan") else None,
        protocol=_PROTOCOLS_BACK.get(message.protocol),
        step_tools=tuple(message.step_tools),
        memory_tokens=message.max_memory_tokens,
        ask_seconds=_seconds(message.ask_timeout) or DEFAULT_ASK_SECONDS,
        workflow_version=message.workflow_version,
    )


def require_one_workflow(message: pb.ExecuteWorkflowRequest) -> None:
    """Refuses a request without a workflow, or with two.

    Raises:
        InvalidArgument: see there.
    """
    given, named = message.HasField("workflow"), bool(message.workflow_version)
    if given and named:
        raise InvalidArgument("workflow_version", "`workflow` is given, too", fix="leave one of the two out")
    if not (given or named):
        raise InvalidArgument(
            "workflow",
            "there is nothing to execute",
            fix="give a workflow's text, or name a registered one by `workflow_version`",
        )


def state_from_proto(value: pb.ExecutionState.ValueType) -> ExecutionState | None:
    """The state that a list is asked for; None: all."""
    return _STATES_BACK.get(value)


def execution_to_proto(execution: Execution) -> pb.Execution:
    """A kept execution, as a message."""
    message = pb.Execution(
        name=execution_name(execution.id),
        state=_STATES[execution.state],
        query_beginning=execution.query_beginning,
        model=model_pb2.ModelRef(model=execution.model, adapter=execution.adapter),
        create_time=timestamp(execution.create_time),
        update_time=timestamp(execution.update_time),
        events=execution.events,
        resumptions=execution.resumptions,
    )
    if execution.request:
        message.request.ParseFromString(execution.request)
    if execution.settled:
        # Under the name that was asked for, the text that is executed.
        settled = pb.ExecuteWorkflowRequest.FromString(execution.settled)
        message.request.workflow.CopyFrom(settled.workflow)
    if execution.end_time is not None:
        message.end_time.CopyFrom(timestamp(execution.end_time))
    if execution.finished:
        message.finished.ParseFromString(execution.finished)
    if execution.question is not None:
        message.question.ParseFromString(execution.question.payload)
        message.question_sequence = execution.question.sequence
    if execution.failure is not None:
        message.error.ParseFromString(execution.failure.status)
    return message


class Wire:
    """What is kept of executions, as the bytes of messages; a `WireCodec`."""

    def encode(self, recorded: Recorded) -> bytes:
        """An event."""
        return event_to_proto(recorded).SerializeToString()

    def decode(self, sequence: int, payload: bytes) -> Recorded | None:
        """An event; None for one that a newer version has written."""
        return event_from_proto(stored_event(sequence, payload))

    def finished(self, finished: Finished) -> bytes:
        """How it ended."""
        return finished_to_proto(finished).SerializeToString()

    def asked(self, asked: PersonAsked) -> bytes:
        """What a person is asked."""
        return asked_to_proto(asked).SerializeToString()

    def failure(self, error: Exception) -> Failure:
        """Why it failed, as the caller is told."""
        found = failure(error, "").status
        status = Status(code=found.code, message=found.message)
        # Each call that is told has an id of its own.
        status.details.extend(each for each in found.details if each.TypeName() != _REQUEST)
        return Failure(status.code, status.message, status.SerializeToString())


def stored_event(sequence: int, payload: bytes) -> pb.ExecutionEvent:
    """A kept event, as a message."""
    message = pb.ExecutionEvent.FromString(payload)
    # One that was stored by a call other than its execution's did not know its place.
    message.sequence = sequence
    return message


def _seconds(message: Duration) -> float:
    return message.seconds + message.nanos / 1e9


def _limits_from_proto(message: pb.ExecutionLimits) -> Limits:
    defaults = Limits()
    return Limits(
        max_steps=message.max_steps or defaults.max_steps,
        max_calls=message.max_calls or defaults.max_calls,
        max_tokens=message.max_tokens or defaults.max_tokens,
        max_cost_usd=message.max_cost_usd or math.inf,
        max_seconds=_seconds(message.max_wall_time) or defaults.max_seconds,
    )
