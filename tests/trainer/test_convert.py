"""Messages into values and back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from google.rpc.status_pb2 import Status

from autoflow.errors import Unauthenticated
from autoflow.methods import Method
from autoflow.v1 import run_pb2, run_worker_service_pb2
from autoflow_trainer import convert
from autoflow_trainer.control import Snapshot
from autoflow_trainer.leases import Grant
from autoflow_trainer.pages import page_digest
from autoflow_trainer.requests import OptimizationRequest
from autoflow_trainer.runs import (
    Cancelled,
    Claim,
    Failed,
    Failure,
    Progress,
    Run,
    RunState,
    Succeeded,
)
from tests.trainer.harness import WORKFLOW, optimization
from tests.trainer.hold import CHECKPOINT, iteration
from tests.trainer.matrices import matrix
from tests.trainer.test_reports import GONE, evaluation

NOW = datetime(2026, 3, 29, 2, 30, 0, 123456, tzinfo=UTC)


def a_run() -> Run:
    return Run(
        id="abc",
        spec=convert.request_from_proto(optimization(seed=7)).spec,
        state=RunState.SUCCEEDED,
        create_time=NOW,
        start_time=NOW + timedelta(seconds=1),
        end_time=NOW + timedelta(seconds=2),
        committed=2,
        progress=Progress("testing", 1, 2),
        ledger=convert.ledger_from_proto(run_pb2.Ledger(executions=3)),
        result=run_pb2.OptimizationResult(ceiling=0.9).SerializeToString(),
    )


def test_a_finished_run_is_told_whole() -> None:
    payloads = tuple(iteration(index).SerializeToString() for index in range(2))
    message = convert.snapshot_to_proto(Snapshot(a_run(), payloads))
    assert message.name == "runs/abc"
    assert message.optimization == optimization(seed=7).optimization
    assert not message.HasField("budget")
    assert message.state == run_pb2.RUN_STATE_SUCCEEDED
    assert message.create_time.ToDatetime(UTC) == NOW
    assert message.start_time.ToDatetime(UTC) == NOW + timedelta(seconds=1)
    assert message.end_time.ToDatetime(UTC) == NOW + timedelta(seconds=2)
    assert message.progress == run_pb2.RunProgress(phase="testing", done=1, total=2)
    assert message.ledger.executions == 3
    assert list(message.iterations) == [iteration(0), iteration(1)]
    assert message.optimization_result.ceiling == 0.9
    assert not message.HasField("error")


@pytest.mark.parametrize("state", list(RunState))
def test_every_state_has_its_number(state: RunState) -> None:
    message = convert.run_to_proto(replace(a_run(), state=state))
    assert run_pb2.RunState.Name(message.state) == f"RUN_STATE_{state.name}"


def test_every_method_of_the_contract_is_known() -> None:
    names = [name for name, number in run_pb2.Method.items() if number]
    for name in names:
        request = convert.request_from_proto(optimization(method=run_pb2.Method.Value(name)))
        assert isinstance(request, OptimizationRequest)
        assert f"METHOD_{request.method.name}" == name
    assert len(names) == len(Method)


def test_what_is_judged_is_taken_from_the_request() -> None:
    run = optimization(candidates=4)
    run.optimization.generator.adapter = "adapter"
    run.optimization.test.comparators.add(name="manual").workflow.source = WORKFLOW
    request = convert.request_from_proto(run)
    assert isinstance(request, OptimizationRequest)
    assert (request.suite, request.method, request.candidates) == ("planning", Method.RLOO, 4)
    assert request.generator_adapter == "adapter"
    assert [(found.name, found.source) for found in request.comparators] == [("manual", WORKFLOW)]


def test_equal_requests_have_equal_bytes_and_others_do_not() -> None:
    plain = convert.request_from_proto(optimization()).spec
    noisy = optimization()
    noisy.name, noisy.state = "runs/other", run_pb2.RUN_STATE_FAILED
    assert convert.request_from_proto(noisy).spec == plain
    budgeted = optimization()
    budgeted.budget.max_tokens = 1
    assert convert.request_from_proto(budgeted).spec != plain
    tested = optimization()
    tested.optimization.test.policy_samples = 1
    assert convert.request_from_proto(tested).spec != plain


def test_converting_leaves_the_message_alone() -> None:
    run = optimization()
    run.optimization.test.comparators.add(name="manual").workflow.digest = "kept"
    before = run.SerializeToString()
    convert.request_from_proto(run)
    assert run.SerializeToString() == before


@pytest.mark.parametrize(
    "failure",
    [Failure(13, "no more workers"), convert.failure_from_proto(Status(code=3, message="wrong"))],
    ids=["ours", "a-worker's"],
)
def test_a_failure_is_a_status(failure: Failure) -> None:
    message = convert.failure_to_proto(failure)
    assert (message.code, message.message) == (failure.code, failure.message)


def test_each_outcome_is_told_apart() -> None:
    request = run_worker_service_pb2.FinishRunRequest
    result = run_pb2.OptimizationResult(ceiling=0.5)
    assert convert.outcome_from_proto(request(optimization_result=result)) == Succeeded(
        result.SerializeToString(), "optimization"
    )
    measured = run_pb2.EvaluationResult(page="sha256:0")
    assert convert.outcome_from_proto(request(evaluation_result=measured)) == Succeeded(
        measured.SerializeToString(), "evaluation"
    )
    found = run_pb2.MatrixResult(page="sha256:1")
    assert convert.outcome_from_proto(request(matrix_result=found)) == Succeeded(
        found.SerializeToString(), "matrix"
    )
    failed = convert.outcome_from_proto(request(error=Status(code=3, message="wrong")))
    assert isinstance(failed, Failed)
    assert failed.failure.code == 3
    assert convert.outcome_from_proto(request(cancelled=True)) == Cancelled()


def test_an_iteration_and_its_ledger_come_apart() -> None:
    request = run_worker_service_pb2.CommitIterationRequest(iteration=iteration(3), checkpoint=CHECKPOINT)
    found = convert.iteration_from_proto(request)
    assert (found.index, found.checkpoint) == (3, CHECKPOINT)
    assert run_pb2.Iteration.FromString(found.payload) == iteration(3)
    assert run_pb2.Ledger.FromString(found.ledger) == iteration(3).ledger


def test_a_heartbeat_may_say_nothing() -> None:
    request = run_worker_service_pb2.HeartbeatRequest
    assert convert.progress_from_proto(request()) is None
    progress = Progress("learning", 1, 2)
    assert convert.progress_from_proto(request(progress=convert.progress_to_proto(progress))) == progress


def test_a_grant_holds_the_lease() -> None:
    message = convert.grant_to_proto(Grant(Snapshot(a_run()), 5, timedelta(seconds=1.5), CHECKPOINT))
    assert message.run == convert.run_to_proto(a_run())
    assert (message.fencing_token, message.checkpoint) == (5, CHECKPOINT)
    assert message.lease_duration.ToTimedelta() == timedelta(seconds=1.5)


@pytest.mark.parametrize("value", ["Bearer secret", "bearer secret"])
def test_a_token_is_found_in_the_metadata(value: str) -> None:
    metadata = (("x-request-id", "1"), ("authorization", value))
    assert convert.claim_from_proto(metadata, 3) == Claim("secret", 3)


NO_TOKENS: list[tuple[tuple[str, str | bytes], ...] | None] = [
    None,
    (),
    (("authorization", "Basic secret"),),
    (("authorization", b"Bearer secret"),),
]


@pytest.mark.parametrize("metadata", NO_TOKENS)
def test_without_a_token_there_is_no_claim(metadata: tuple[tuple[str, str | bytes], ...] | None) -> None:
    with pytest.raises(Unauthenticated):
        convert.bearer_token(metadata)


def test_names_and_ids_go_both_ways() -> None:
    assert convert.run_id(convert.run_name("a1")) == "a1"


@pytest.mark.parametrize("names", [(), ("mine",), ("mine", "y" * 70_000)])
def test_a_page_is_found_in_a_result(names: tuple[str, ...]) -> None:
    result = run_pb2.EvaluationResult(
        workflows=[run_pb2.WorkflowEvaluation(name=name) for name in names],
        test_openings=300,
        suite_digest=CHECKPOINT,
        page=GONE,
    )
    evaluated = replace(a_run(), spec=evaluation().SerializeToString(), result=result.SerializeToString())
    assert page_digest(evaluated) == GONE
    result.ClearField("page")
    assert page_digest(replace(evaluated, result=result.SerializeToString())) == ""
    assert page_digest(replace(evaluated, result=b"")) == ""


@pytest.mark.parametrize(
    ("run", "result"),
    [
        (
            optimization(),
            run_pb2.OptimizationResult(winner_validation_mean=0.5, ceiling=0.9, test_openings=2, page=GONE),
        ),
        (matrix(), run_pb2.MatrixResult(pairings=[run_pb2.Pairing(valid_rate=0.5)], page=GONE)),
    ],
    ids=["optimization", "matrix"],
)
def test_runs_of_every_kind_may_have_a_page(
    run: run_pb2.Run, result: run_pb2.OptimizationResult | run_pb2.MatrixResult
) -> None:
    ended = replace(a_run(), spec=run.SerializeToString(), result=result.SerializeToString())
    assert page_digest(ended) == GONE
    message = convert.run_to_proto(ended)
    assert getattr(message, f"{message.WhichOneof('kind')}_result") == result
    result.ClearField("page")
    assert page_digest(replace(ended, result=result.SerializeToString())) == ""


def test_a_page_is_found_without_reading_the_whole_result() -> None:
    page = run_pb2.EvaluationResult(page=GONE).SerializeToString()
    unreadable = bytes([1 << 3 | 2, 3]) + b"\xff\xff\xff"
    evaluated = replace(a_run(), spec=evaluation().SerializeToString(), result=unreadable + page)
    assert page_digest(evaluated) == GONE
