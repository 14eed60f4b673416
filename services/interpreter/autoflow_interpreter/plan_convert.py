"""The messages of plans that are executed and their values, one into the other."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from autoflow.convert import content_from_proto, content_to_proto, content_type_from_proto
from autoflow.errors import InvalidArgument
from autoflow.plans import How, Match
from autoflow.suites import ContentType
from autoflow.v1 import interpreter_service_pb2 as pb
from autoflow_interpreter.plan_execution import (
    PlanOutcome,
    PlanResult,
    PlanTarget,
    SampleResult,
    StepFailure,
)

_OUTCOMES: Mapping[PlanOutcome, pb.PlanOutcome.ValueType] = MappingProxyType(
    {
        PlanOutcome.EXECUTED: pb.PLAN_OUTCOME_EXECUTED,
        PlanOutcome.NO_PLAN: pb.PLAN_OUTCOME_NO_PLAN,
        PlanOutcome.UNKNOWN_TOOL: pb.PLAN_OUTCOME_UNKNOWN_TOOL,
        PlanOutcome.TYPES_DO_NOT_FIT: pb.PLAN_OUTCOME_TYPES_DO_NOT_FIT,
    }
)
_KINDS: Mapping[How, pb.ToolMatchKind.ValueType] = MappingProxyType(
    {
        How.EXACT: pb.TOOL_MATCH_KIND_NAME,
        How.ALIAS: pb.TOOL_MATCH_KIND_ALIAS,
        How.LIKENESS: pb.TOOL_MATCH_KIND_LIKENESS,
    }
)
_OUTCOMES_BACK = {value: outcome for outcome, value in _OUTCOMES.items()}
_KINDS_BACK = {value: kind for kind, value in _KINDS.items()}


def plan_target_from_proto(message: pb.ExecutePlanRequest | pb.PlanTarget, path: str = "") -> PlanTarget:
    """What a plan is to be executed on, and end in.

    Args:
        message: validated.
        path: where it is in its request, such as `plan.`; for errors.

    Raises:
        InvalidArgument: two samples have inputs of other types.
    """
    samples = [[content_from_proto(content) for content in sample.inputs] for sample in message.samples]
    kinds = [[ContentType.of(content) for content in sample] for sample in samples]
    for index, kind in enumerate(kinds):
        if kind != kinds[0]:
            raise InvalidArgument(
                f"{path}samples[{index}].inputs",
                "its types are not those of the first sample",
                fix="execute the plan on samples of other types in another request",
            )
    return PlanTarget(samples, content_type_from_proto(message.output))


def plan_result_to_proto(result: PlanResult) -> pb.ExecutePlanResponse:
    """What came of a plan, as a message."""
    return pb.ExecutePlanResponse(
        outcome=_OUTCOMES[result.outcome],
        detail=result.detail,
        matches=[_match_to_proto(match) for match in result.matches],
        results=[_sample_to_proto(sample) for sample in result.samples],
    )


def plan_result_from_proto(message: pb.ExecutePlanResponse) -> PlanResult:
    """What came of a plan."""
    return PlanResult(
        _OUTCOMES_BACK[message.outcome],
        message.detail,
        tuple(
            Match(match.said, match.tool, _KINDS_BACK[match.kind], match.likeness)
            for match in message.matches
        ),
        tuple(map(_sample_from_proto, message.results)),
    )


def _sample_from_proto(message: pb.PlanResult) -> SampleResult:
    if message.HasField("failure"):
        failure = message.failure
        return StepFailure(failure.step, failure.tool, failure.message)
    return content_from_proto(message.output)


def _match_to_proto(match: Match) -> pb.ToolMatch:
    return pb.ToolMatch(said=match.said, tool=match.tool, kind=_KINDS[match.how], likeness=match.likeness)


def _sample_to_proto(sample: SampleResult) -> pb.PlanResult:
    if isinstance(sample, StepFailure):
        return pb.PlanResult(
            failure=pb.PlanFailure(step=sample.step, tool=sample.tool, message=sample.message)
        )
    return pb.PlanResult(output=content_to_proto(sample))
