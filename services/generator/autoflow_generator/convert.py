"""The generator's messages and its values, one into the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from autoflow.convert import (
    diagnostic_to_proto,
    finish_reason_to_proto,
    model_to_proto,
    sampling_from_proto,
    tool_from_proto,
    usage_to_proto,
    workflow_to_proto,
)
from autoflow.language import Checked, Repaired
from autoflow.llm.descriptions import ModelDescription
from autoflow.prompts import StepFailure
from autoflow.v1 import generator_service_pb2
from autoflow_generator.candidates import Candidate, Draft, Started
from autoflow_generator.guidance import Guidance
from autoflow_generator.requests import (
    Attempt,
    Change,
    GenerationRequest,
    Mending,
    RefinementRequest,
    StepNaming,
)

DEFAULT_MAX_STEPS = 8
DEFAULT_MAX_CORRECTIONS = 2

_MENDINGS: Mapping[generator_service_pb2.Mending.ValueType, Mending] = MappingProxyType(
    {
        generator_service_pb2.MENDING_UNSPECIFIED: Mending.CORRECT,
        generator_service_pb2.MENDING_NONE: Mending.NONE,
        generator_service_pb2.MENDING_REPAIR: Mending.REPAIR,
        generator_service_pb2.MENDING_CORRECT: Mending.CORRECT,
    }
)
_NAMINGS: Mapping[generator_service_pb2.StepNaming.ValueType, StepNaming] = MappingProxyType(
    {
        generator_service_pb2.STEP_NAMING_UNSPECIFIED: StepNaming.NUMBERED,
        generator_service_pb2.STEP_NAMING_NUMBERED: StepNaming.NUMBERED,
        generator_service_pb2.STEP_NAMING_FREE: StepNaming.FREE,
    }
)
_GUIDANCES: Mapping[Guidance, generator_service_pb2.Guidance.ValueType] = MappingProxyType(
    {
        Guidance.NONE: generator_service_pb2.GUIDANCE_NONE,
        Guidance.GRAMMAR: generator_service_pb2.GUIDANCE_GRAMMAR,
        Guidance.JSON_SCHEMA: generator_service_pb2.GUIDANCE_JSON_SCHEMA,
    }
)


def generation_from_proto(
    message: generator_service_pb2.GenerateWorkflowsRequest, *, max_tokens: int
) -> GenerationRequest:
    """What is to be generated.

    Args:
        message: validated.
        max_tokens: the limit of a candidate, where the request gives none.
    """
    return _drawing(message, max_tokens)


def refinement_from_proto(
    message: generator_service_pb2.RefineWorkflowRequest, *, max_tokens: int
) -> RefinementRequest:
    """What is to be refined.

    Args:
        message: validated.
        max_tokens: as in `generation_from_proto`.
    """
    return RefinementRequest(
        drawing=_drawing(message, max_tokens),
        attempts=tuple(map(_attempt, message.attempts)),
        change=Change(message.change.step or None) if message.HasField("change") else None,
    )


def _drawing(
    message: generator_service_pb2.GenerateWorkflowsRequest | generator_service_pb2.RefineWorkflowRequest,
    max_tokens: int,
) -> GenerationRequest:
    return GenerationRequest(
        model=message.model.model,
        adapter=message.model.adapter or None,
        goal=message.goal,
        tools=tuple(tool_from_proto(tool) for tool in message.tools),
        count=message.count,
        sampling=sampling_from_proto(message.sampling, max_tokens=max_tokens),
        max_steps=message.max_steps or DEFAULT_MAX_STEPS,
        mending=_MENDINGS[message.mending],
        max_corrections=(
            message.max_corrections if message.HasField("max_corrections") else DEFAULT_MAX_CORRECTIONS
        ),
        naming=_NAMINGS[message.step_naming],
    )


def _attempt(message: generator_service_pb2.Attempt) -> Attempt:
    verdict = message.error if message.WhichOneof("verdict") == "error" else message.score
    return Attempt(message.workflow.source, verdict, tuple(map(_failure, message.failures)))


def _failure(message: generator_service_pb2.StepFailure) -> StepFailure:
    return StepFailure(
        step=message.step,
        answer=message.answer,
        score=message.score,
        instruction=message.instruction,
        tool=message.tool,
        tool_input=message.tool_input,
        tool_output=message.tool_output,
        query=message.query,
    )


def generated_to_proto(event: Started | Candidate) -> generator_service_pb2.GenerateWorkflowsResponse:
    """A message of the stream of candidates."""
    if isinstance(event, Started):
        return generator_service_pb2.GenerateWorkflowsResponse(started=_started_to_proto(event))
    return generator_service_pb2.GenerateWorkflowsResponse(candidate=_candidate_to_proto(event))


def refined_to_proto(event: Started | Candidate) -> generator_service_pb2.RefineWorkflowResponse:
    """A message of the stream of successors."""
    if isinstance(event, Started):
        return generator_service_pb2.RefineWorkflowResponse(started=_started_to_proto(event))
    return generator_service_pb2.RefineWorkflowResponse(candidate=_candidate_to_proto(event))


def lint_to_proto(source: str, checked: Checked) -> generator_service_pb2.LintWorkflowResponse:
    """What was found in a text."""
    return generator_service_pb2.LintWorkflowResponse(
        workflow=workflow_to_proto(source, checked.workflow),
        valid=checked.ok,
        diagnostics=[diagnostic_to_proto(finding) for finding in checked.diagnostics],
    )


def models_to_proto(models: Sequence[ModelDescription]) -> generator_service_pb2.ListModelsResponse:
    """The catalogue."""
    return generator_service_pb2.ListModelsResponse(models=map(model_to_proto, models))


def format_to_proto(source: str, checked: Checked) -> generator_service_pb2.FormatWorkflowResponse:
    """The canonical text of what was read in a text."""
    diagnostics = [diagnostic_to_proto(finding) for finding in checked.diagnostics]
    if checked.workflow is None:
        return generator_service_pb2.FormatWorkflowResponse(diagnostics=diagnostics)
    text = checked.workflow.text
    return generator_service_pb2.FormatWorkflowResponse(
        workflow=workflow_to_proto(text, checked.workflow), changed=text != source, diagnostics=diagnostics
    )


def repair_to_proto(repaired: Repaired) -> generator_service_pb2.RepairWorkflowResponse:
    """What came of mending a text."""
    workflow = repaired.workflow
    return generator_service_pb2.RepairWorkflowResponse(
        workflow=None if workflow is None else workflow_to_proto(repaired.text, workflow),
        valid=workflow is not None,
        changes=[diagnostic_to_proto(change) for change in repaired.changes],
        diagnostics=[diagnostic_to_proto(finding) for finding in repaired.diagnostics],
    )


def _started_to_proto(started: Started) -> generator_service_pb2.GenerationStarted:
    return generator_service_pb2.GenerationStarted(
        prompt_token_ids=started.prompt_token_ids,
        grammar=started.grammar,
        prompt_version=started.prompt_version,
        guidance=_GUIDANCES[started.guidance],
        attempts_left_out=started.attempts_left_out,
    )


def _candidate_to_proto(candidate: Candidate) -> generator_service_pb2.Candidate:
    completion = candidate.completion
    return generator_service_pb2.Candidate(
        index=candidate.index,
        workflow=workflow_to_proto(candidate.source, candidate.checked.workflow),
        valid=candidate.valid,
        diagnostics=[diagnostic_to_proto(finding) for finding in candidate.checked.diagnostics],
        finish_reason=finish_reason_to_proto(completion.finish_reason),
        token_ids=completion.token_ids,
        log_probs=completion.log_probs,
        usage=usage_to_proto(candidate.usage),
        raw_text=completion.text,
        changes=[diagnostic_to_proto(change) for change in candidate.changes],
        drafts=map(_draft_to_proto, candidate.drafts),
        duplicate_of=candidate.duplicate_of,
        repeats_attempt=candidate.repeats_attempt,
    )


def _draft_to_proto(draft: Draft) -> generator_service_pb2.Draft:
    completion = draft.completion
    return generator_service_pb2.Draft(
        raw_text=completion.text,
        diagnostics=[diagnostic_to_proto(finding) for finding in draft.diagnostics],
        finish_reason=finish_reason_to_proto(completion.finish_reason),
        usage=usage_to_proto(completion.usage),
    )
