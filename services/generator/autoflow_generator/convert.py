"""The generator's messages and its values, one into the other."""

from __future__ import annotations

from collections.abc import Sequence

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
from autoflow.v1 import generator_service_pb2
from autoflow_generator.generation import Candidate, GenerationRequest, Started

DEFAULT_MAX_STEPS = 8


def request_from_proto(
    message: generator_service_pb2.GenerateWorkflowsRequest, *, max_tokens: int
) -> GenerationRequest:
    """What is to be generated.

    Args:
        message: validated.
        max_tokens: the limit of a candidate, where the request gives none.
    """
    return GenerationRequest(
        model=message.model.model,
        adapter=message.model.adapter or None,
        goal=message.goal,
        tools=tuple(tool_from_proto(tool) for tool in message.tools),
        count=message.count,
        sampling=sampling_from_proto(message.sampling, max_tokens=max_tokens),
        max_steps=message.max_steps or DEFAULT_MAX_STEPS,
    )


def event_to_proto(event: Started | Candidate) -> generator_service_pb2.GenerateWorkflowsResponse:
    """A message of the stream."""
    if isinstance(event, Started):
        return generator_service_pb2.GenerateWorkflowsResponse(started=_started_to_proto(event))
    return generator_service_pb2.GenerateWorkflowsResponse(candidate=_candidate_to_proto(event))


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
    )


def _candidate_to_proto(candidate: Candidate) -> generator_service_pb2.Candidate:
    completion = candidate.completion
    return generator_service_pb2.Candidate(
        index=candidate.index,
        workflow=workflow_to_proto(completion.text, candidate.checked.workflow),
        valid=candidate.valid,
        diagnostics=[diagnostic_to_proto(finding) for finding in candidate.checked.diagnostics],
        finish_reason=finish_reason_to_proto(completion.finish_reason),
        token_ids=completion.token_ids,
        log_probs=completion.log_probs,
        usage=usage_to_proto(completion.usage),
    )
