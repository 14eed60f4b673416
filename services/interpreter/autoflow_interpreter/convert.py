"""The interpreter's messages and its values, one into the other."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from google.protobuf.timestamp_pb2 import Timestamp

from autoflow.convert import sampling_from_proto, tool_from_proto, usage_to_proto
from autoflow.v1 import interpreter_service_pb2
from autoflow_interpreter.events import (
    BranchTaken,
    Finished,
    Outcome,
    PlanExecuted,
    Recorded,
    StepAnswered,
    StepStarted,
)
from autoflow_interpreter.execution import ExecutionRequest
from autoflow_interpreter.limits import Limits
from autoflow_interpreter.memory import MemoryStrategy
from autoflow_interpreter.plan_convert import plan_result_to_proto, plan_target_from_proto

_MEMORIES: Mapping[interpreter_service_pb2.MemoryStrategy.ValueType, MemoryStrategy] = MappingProxyType(
    {
        interpreter_service_pb2.MEMORY_STRATEGY_UNSPECIFIED: MemoryStrategy.APPEND,
        interpreter_service_pb2.MEMORY_STRATEGY_APPEND: MemoryStrategy.APPEND,
        interpreter_service_pb2.MEMORY_STRATEGY_TRAVERSE: MemoryStrategy.TRAVERSE,
        interpreter_service_pb2.MEMORY_STRATEGY_DIRECT: MemoryStrategy.DIRECT,
        interpreter_service_pb2.MEMORY_STRATEGY_EMBEDDING: MemoryStrategy.EMBEDDING,
    }
)

_OUTCOMES: Mapping[Outcome, interpreter_service_pb2.ExecutionOutcome.ValueType] = MappingProxyType(
    {
        Outcome.ANSWERED: interpreter_service_pb2.EXECUTION_OUTCOME_ANSWERED,
        Outcome.NO_ANSWER: interpreter_service_pb2.EXECUTION_OUTCOME_NO_ANSWER,
        Outcome.UNDECIDED: interpreter_service_pb2.EXECUTION_OUTCOME_UNDECIDED,
        Outcome.STEP_LIMIT: interpreter_service_pb2.EXECUTION_OUTCOME_STEP_LIMIT,
        Outcome.TOKEN_LIMIT: interpreter_service_pb2.EXECUTION_OUTCOME_TOKEN_LIMIT,
        Outcome.TIME_LIMIT: interpreter_service_pb2.EXECUTION_OUTCOME_TIME_LIMIT,
    }
)


def request_from_proto(
    message: interpreter_service_pb2.ExecuteWorkflowRequest, *, max_tokens: int
) -> ExecutionRequest:
    """What is to be executed.

    Args:
        message: validated.
        max_tokens: the limit of one step's answer, where the request gives none.

    Raises:
        InvalidArgument: two samples of the plan have inputs of other types.
    """
    return ExecutionRequest(
        source=message.workflow.source,
        query=message.query,
        tools=tuple(tool_from_proto(tool) for tool in message.tools),
        model=message.model.model,
        adapter=message.model.adapter or None,
        sampling=sampling_from_proto(message.sampling, max_tokens=max_tokens),
        memory=_MEMORIES[message.memory],
        limits=_limits_from_proto(message.limits),
        plan=plan_target_from_proto(message.plan, "plan.") if message.HasField("plan") else None,
    )


def event_to_proto(recorded: Recorded) -> interpreter_service_pb2.ExecuteWorkflowResponse:
    """A message of the stream."""
    response = interpreter_service_pb2.ExecuteWorkflowResponse(
        sequence=recorded.sequence,
        time=Timestamp(seconds=recorded.time_ns // 10**9, nanos=recorded.time_ns % 10**9),
    )
    match recorded.event:
        case StepStarted(step, executed_before):
            response.step_started.step = step
            response.step_started.executed_before = executed_before
        case StepAnswered(step, answer):
            response.step_answered.step = step
            response.step_answered.answer = answer
        case BranchTaken(step, label, target):
            response.branch_taken.step = step
            response.branch_taken.label = label
            response.branch_taken.target = target
        case PlanExecuted(result):
            response.plan_executed.CopyFrom(plan_result_to_proto(result))
        case Finished() as finished:
            response.finished.CopyFrom(_finished_to_proto(finished))
    return response


def _limits_from_proto(message: interpreter_service_pb2.ExecutionLimits) -> Limits:
    defaults = Limits()
    wall_time = message.max_wall_time
    return Limits(
        max_steps=message.max_steps or defaults.max_steps,
        max_tokens=message.max_tokens or defaults.max_tokens,
        max_seconds=wall_time.seconds + wall_time.nanos / 1e9 or defaults.max_seconds,
    )


def _finished_to_proto(finished: Finished) -> interpreter_service_pb2.ExecutionFinished:
    return interpreter_service_pb2.ExecutionFinished(
        outcome=_OUTCOMES[finished.outcome],
        answer=finished.answer,
        detail=finished.detail,
        steps=finished.steps,
        usage=usage_to_proto(finished.usage),
    )
