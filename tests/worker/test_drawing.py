"""Drawn workflows, and what a model is shown: from and to their messages."""

from __future__ import annotations

from autoflow.llm.base import Usage
from autoflow.v1 import generator_service_pb2, model_pb2, workflow_pb2
from autoflow_worker import drawing
from autoflow_worker.ports import Step, Workflow
from autoflow_worker.refinement import Attempt, Change, Failure

SOURCE = "Step 1:::process:::Begin:::next::Step 2\nStep 2:::terminal:::End"


def candidate(**changes: object) -> generator_service_pb2.Candidate:
    message = generator_service_pb2.Candidate(
        index=1,
        workflow=workflow_pb2.Workflow(source=SOURCE, digest="sha256:1"),
        valid=True,
        finish_reason=model_pb2.FINISH_REASON_STOP,
        token_ids=[5, 6, 7],
        usage=model_pb2.TokenUsage(llm_calls=1, prompt_tokens=2, completion_tokens=3),
    )
    for name, value in changes.items():
        setattr(message, name, value)
    return message


def test_a_candidate_is_a_workflow_only_where_it_is_valid() -> None:
    valid = drawing.candidate_from_proto(candidate())
    assert valid.workflow == Workflow(SOURCE, "sha256:1")
    assert (valid.token_ids, valid.usage, valid.truncated) == ((5, 6, 7), Usage(1, 2, 3), False)
    invalid = drawing.candidate_from_proto(
        candidate(valid=False, finish_reason=model_pb2.FINISH_REASON_LENGTH)
    )
    assert invalid.workflow is None
    assert invalid.truncated


def test_a_candidate_tells_its_text_and_what_is_wrong_with_it() -> None:
    broken = candidate(valid=False)
    broken.diagnostics.add(severity=workflow_pb2.SEVERITY_WARNING, message="odd")
    broken.diagnostics.add(severity=workflow_pb2.SEVERITY_ERROR, message="wrong")
    found = drawing.candidate_from_proto(broken)
    assert (found.text, found.error, found.mended) == (SOURCE, "wrong", False)
    corrected = candidate()
    corrected.drafts.add(raw_text="?")
    repaired = candidate()
    repaired.changes.add(message="a colon")
    for message in (corrected, repaired):
        found = drawing.candidate_from_proto(message)
        assert (found.error, found.mended) == ("", True)


def test_what_a_model_is_shown_of_an_attempt() -> None:
    step = Step("Step 1", "Begin", "a" * 30_000, "search", '{"q": 1}', "nothing")
    attempt = Attempt(SOURCE, 0.25, failures=(Failure(step, 0.0, "Which?"),))
    message = drawing.attempt_to_proto(attempt)
    assert (message.workflow.source, message.score, message.error) == (SOURCE, 0.25, "")
    (failure,) = message.failures
    assert (failure.step, failure.instruction, failure.answer) == ("Step 1", "Begin", "a" * 20_000)
    assert (failure.tool, failure.tool_input, failure.tool_output) == ("search", '{"q": 1}', "nothing")
    assert (failure.score, failure.query) == (0.0, "Which?")
    broken = drawing.attempt_to_proto(Attempt("Step 1", None, "e" * 5_000))
    assert broken.WhichOneof("verdict") == "error"
    assert broken.error == "e" * 4_000
    assert drawing.change_to_proto(Change("Step 2")).step == "Step 2"
    assert drawing.change_to_proto(Change()).structure
