"""Drawn workflows, and what a model is shown to draw others: messages and the worker's own values."""

from __future__ import annotations

from autoflow.convert import usage_from_proto
from autoflow.v1 import generator_service_pb2, model_pb2, workflow_pb2
from autoflow_worker.ports import Candidate, Workflow
from autoflow_worker.refinement import Attempt, Change, Failure

_ERROR_CHARS = 4_000
_INSTRUCTION_CHARS = 4_000
_SHOWN_CHARS = 20_000
"""Of an answer, an argument, an output or a query."""


def candidate_from_proto(message: generator_service_pb2.Candidate) -> Candidate:
    """A drawn candidate."""
    workflow = Workflow(message.workflow.source, message.workflow.digest) if message.valid else None
    return Candidate(
        workflow=workflow,
        truncated=message.finish_reason == model_pb2.FINISH_REASON_LENGTH,
        token_ids=tuple(message.token_ids),
        usage=usage_from_proto(message.usage),
        log_probs=tuple(message.log_probs),
        text=message.workflow.source,
        error="" if message.valid else _error(message),
        mended=bool(message.changes or message.drafts),
    )


def _error(message: generator_service_pb2.Candidate) -> str:
    """Why a candidate is no valid workflow, in one line."""
    if message.finish_reason == model_pb2.FINISH_REASON_LENGTH:
        return "the text is too long and was cut off"
    errors = [found for found in message.diagnostics if found.severity == workflow_pb2.SEVERITY_ERROR]
    return errors[0].message if errors else "it is no valid workflow"


def attempt_to_proto(attempt: Attempt) -> generator_service_pb2.Attempt:
    """A workflow that was written before, as a message; long texts are cut to what the message may carry."""
    workflow = workflow_pb2.Workflow(source=attempt.text)
    failures = map(_failure_to_proto, attempt.failures)
    if attempt.score is None:
        error = attempt.error[:_ERROR_CHARS]
        return generator_service_pb2.Attempt(workflow=workflow, error=error, failures=failures)
    return generator_service_pb2.Attempt(workflow=workflow, score=attempt.score, failures=failures)


def _failure_to_proto(failure: Failure) -> generator_service_pb2.StepFailure:
    step = failure.step
    return generator_service_pb2.StepFailure(
        step=step.name,
        instruction=step.instruction[:_INSTRUCTION_CHARS],
        answer=step.answer[:_SHOWN_CHARS],
        tool=step.tool,
        tool_input=step.tool_input[:_SHOWN_CHARS],
        tool_output=step.tool_output[:_SHOWN_CHARS],
        score=failure.score,
        query=failure.query[:_SHOWN_CHARS],
    )


def change_to_proto(change: Change) -> generator_service_pb2.Change:
    """What is to change, as a message."""
    if change.step:
        return generator_service_pb2.Change(step=change.step)
    return generator_service_pb2.Change(structure=True)
