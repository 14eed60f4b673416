"""The events of an execution: their messages, and the bytes that are kept of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from google.protobuf.timestamp_pb2 import Timestamp

from autoflow.convert import usage_from_proto, usage_to_proto
from autoflow.v1 import interpreter_service_pb2 as pb
from autoflow_interpreter.events import (
    BranchTaken,
    Event,
    Finished,
    MemoryRecalled,
    MemoryStrategy,
    ModelCalled,
    Outcome,
    PersonAnswered,
    PersonAsked,
    PlanExecuted,
    Protocol,
    Purpose,
    Recorded,
    ReplyRefused,
    Resumed,
    Started,
    StepAnswered,
    StepStarted,
    ToolCalled,
    ToolReturned,
)
from autoflow_interpreter.plan_convert import plan_result_from_proto, plan_result_to_proto

OUTCOMES: Mapping[Outcome, pb.ExecutionOutcome.ValueType] = MappingProxyType(
    {outcome: pb.ExecutionOutcome.Value(f"EXECUTION_OUTCOME_{outcome.name}") for outcome in Outcome}
)
PROTOCOLS: Mapping[Protocol, pb.ExecutionProtocol.ValueType] = MappingProxyType(
    {each: pb.ExecutionProtocol.Value(f"EXECUTION_PROTOCOL_{each.name}") for each in Protocol}
)
MEMORIES: Mapping[MemoryStrategy, pb.MemoryStrategy.ValueType] = MappingProxyType(
    {each: pb.MemoryStrategy.Value(f"MEMORY_STRATEGY_{each.name}") for each in MemoryStrategy}
)
_PURPOSES: Mapping[Purpose, pb.CallPurpose.ValueType] = MappingProxyType(
    {each: pb.CallPurpose.Value(f"CALL_PURPOSE_{each.name}") for each in Purpose}
)
_PURPOSES_BACK = {value: each for each, value in _PURPOSES.items()}
_PROTOCOLS_BACK = {value: each for each, value in PROTOCOLS.items()}
_MEMORIES_BACK = {value: each for each, value in MEMORIES.items()}


def execution_name(execution_id: str) -> str:
    """The name of an execution."""
    return f"executions/{execution_id}"


def event_to_proto(recorded: Recorded) -> pb.ExecutionEvent:
    """An event as a message."""
    message = pb.ExecutionEvent(sequence=recorded.sequence)
    message.time.seconds, message.time.nanos = divmod(recorded.time_ns, 10**9)
    _fill(message, recorded.event)
    return message


def _fill(message: pb.ExecutionEvent, event: Event) -> None:
    match event:
        case Started():
            message.started.CopyFrom(_started_to_proto(event))
        case StepStarted(step, executed_before):
            message.step_started.CopyFrom(pb.StepStarted(step=step, executed_before=executed_before))
        case MemoryRecalled(step, shown, cut, unread):
            message.memory_recalled.CopyFrom(
                pb.MemoryRecalled(step=step, shown=shown, cut=cut, unread=unread)
            )
        case ModelCalled():
            message.model_called.CopyFrom(_model_called_to_proto(event))
        case ReplyRefused(step, purpose, problem):
            message.reply_refused.CopyFrom(
                pb.ReplyRefused(step=step, purpose=_PURPOSES[purpose], problem=problem)
            )
        case ToolCalled(step, tool, arguments, call_id, attempt):
            message.tool_called.CopyFrom(
                pb.ToolCalled(step=step, tool=tool, arguments=arguments, call_id=call_id, attempt=attempt)
            )
        case ToolReturned():
            message.tool_returned.CopyFrom(_tool_returned_to_proto(event))
        case StepAnswered(step, answer):
            message.step_answered.CopyFrom(pb.StepAnswered(step=step, answer=answer))
        case BranchTaken(step, label, target):
            message.branch_taken.CopyFrom(pb.BranchTaken(step=step, label=label, target=target))
        case PersonAsked():
            message.person_asked.CopyFrom(asked_to_proto(event))
        case PersonAnswered(step, answer):
            message.person_answered.CopyFrom(pb.PersonAnswered(step=step, answer=answer))
        case Resumed(resumption):
            message.resumed.CopyFrom(pb.ExecutionResumed(resumption=resumption))
        case PlanExecuted(result):
            message.plan_executed.CopyFrom(plan_result_to_proto(result))
        case Finished():
            message.finished.CopyFrom(finished_to_proto(event))


def event_from_proto(message: pb.ExecutionEvent) -> Recorded | None:
    """A kept event; None for those that nobody goes on from: the end, and what newer versions write."""
    event = _event(message)
    if event is None:
        return None
    return Recorded(message.sequence, message.time.seconds * 10**9 + message.time.nanos, event)


def _event(message: pb.ExecutionEvent) -> Event | None:
    match message.WhichOneof("event"):
        case "started":
            return _started_from_proto(message.started)
        case "step_started":
            return StepStarted(message.step_started.step, message.step_started.executed_before)
        case "memory_recalled":
            recalled = message.memory_recalled
            return MemoryRecalled(
                recalled.step, tuple(recalled.shown), tuple(recalled.cut), tuple(recalled.unread)
            )
        case "model_called":
            return _model_called_from_proto(message.model_called)
        case "reply_refused":
            refused = message.reply_refused
            return ReplyRefused(refused.step, _PURPOSES_BACK[refused.purpose], refused.problem)
        case "tool_called":
            tool = message.tool_called
            return ToolCalled(tool.step, tool.tool, tool.arguments, tool.call_id, tool.attempt)
        case "tool_returned":
            return _tool_returned_from_proto(message.tool_returned)
        case "step_answered":
            return StepAnswered(message.step_answered.step, message.step_answered.answer)
        case "branch_taken":
            taken = message.branch_taken
            return BranchTaken(taken.step, taken.label, taken.target)
        case "person_asked":
            return _asked_from_proto(message.person_asked)
        case "person_answered":
            return PersonAnswered(message.person_answered.step, message.person_answered.answer)
        case "plan_executed":
            return PlanExecuted(plan_result_from_proto(message.plan_executed))
        case "resumed":
            return Resumed(message.resumed.resumption)
    return None


def finished_to_proto(finished: Finished) -> pb.ExecutionFinished:
    """How an execution ended, as a message."""
    counts = finished.counts
    return pb.ExecutionFinished(
        outcome=OUTCOMES[finished.outcome],
        answer=finished.answer,
        detail=finished.detail,
        steps=finished.steps,
        usage=usage_to_proto(finished.usage),
        tool_calls=counts.tool_calls,
        failed_tool_calls=counts.failed_tool_calls,
        refused_replies=counts.refused_replies,
        repeated_tool_calls=counts.repeated_tool_calls,
        resumptions=counts.resumptions,
        repeated_model_calls=counts.repeated_model_calls,
    )


def asked_to_proto(asked: PersonAsked) -> pb.PersonAsked:
    """What a person is asked, as a message."""
    return pb.PersonAsked(
        step=asked.step, question=asked.question, options=asked.options, deadline=timestamp(asked.deadline)
    )


def timestamp(time: datetime) -> Timestamp:
    """A point in time, as a message."""
    message = Timestamp()
    message.FromDatetime(time)
    return message


def _asked_from_proto(message: pb.PersonAsked) -> PersonAsked:
    deadline = message.deadline.ToDatetime(tzinfo=UTC)
    return PersonAsked(message.step, message.question, tuple(message.options), deadline)


def _started_to_proto(event: Started) -> pb.ExecutionStarted:
    return pb.ExecutionStarted(
        execution=execution_name(event.execution),
        protocol=PROTOCOLS[event.protocol],
        protocol_reason=event.protocol_reason,
        prompt_version=event.prompt_version,
        memory=MEMORIES[event.memory],
        step_tools=event.step_tools,
        workflow_version=event.workflow_version,
    )


def _started_from_proto(message: pb.ExecutionStarted) -> Started:
    return Started(
        message.execution.removeprefix("executions/"),
        _PROTOCOLS_BACK[message.protocol],
        message.protocol_reason,
        message.prompt_version,
        _MEMORIES_BACK[message.memory],
        tuple(message.step_tools),
        message.workflow_version,
    )


def _model_called_to_proto(event: ModelCalled) -> pb.ModelCalled:
    return pb.ModelCalled(
        step=event.step,
        purpose=_PURPOSES[event.purpose],
        reply=event.reply,
        usage=usage_to_proto(event.usage),
        call_digest=event.digest,
        choice=event.choice,
        repeated=event.repeated,
    )


def _model_called_from_proto(message: pb.ModelCalled) -> ModelCalled:
    return ModelCalled(
        message.step,
        _PURPOSES_BACK[message.purpose],
        message.reply,
        message.choice if message.HasField("choice") else None,
        usage_from_proto(message.usage),
        message.call_digest,
        message.repeated,
    )


def _tool_returned_to_proto(event: ToolReturned) -> pb.ToolReturned:
    message = pb.ToolReturned(step=event.step, call_id=event.call_id, images=event.images)
    if event.failed:
        message.failure = event.text
    else:
        message.output = event.text
    return message


def _tool_returned_from_proto(message: pb.ToolReturned) -> ToolReturned:
    failed = message.WhichOneof("result") == "failure"
    text = message.failure if failed else message.output
    return ToolReturned(message.step, message.call_id, text, failed, tuple(message.images))
