"""What a run asks for, and what the worker says, as messages and as values."""

from __future__ import annotations

from dataclasses import replace

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.json_format import MessageToDict

from autoflow.errors import FailedPrecondition, InvalidArgument
from autoflow.llm.base import Usage
from autoflow.power import Power
from autoflow.v1 import (
    interpreter_service_pb2,
    run_pb2,
    run_worker_service_pb2,
    workflow_pb2,
)
from autoflow_worker import convert, result_convert
from autoflow_worker.flags import Flag, FlagKind
from autoflow_worker.ledger import Budget, Ledger
from autoflow_worker.methods import METHODS
from autoflow_worker.ports import Workflow
from autoflow_worker.results import (
    Acceptance,
    CandidateReport,
    Fate,
    Improvement,
    IterationReport,
    PolicyReport,
    Progress,
    Result,
    WorkflowReport,
)
from autoflow_worker.search import SEARCHES
from autoflow_worker.spec import TestPlan
from autoflow_worker.statistics import Estimate

SOURCE = "Step 1:::process:::Begin:::next::Step 2\nStep 2:::terminal:::End"


def smallest(method: run_pb2.Method.ValueType = run_pb2.METHOD_RAFT) -> run_pb2.Run:
    """A run that leaves open what it can."""
    run = run_pb2.Run(name="runs/a")
    run.optimization.suite = "planning"
    run.optimization.generator.model = "embedded"
    run.optimization.interpreter.model = "other"
    run.optimization.method = method
    return run


def test_every_method_of_the_contract_is_known() -> None:
    values = set(run_pb2.Method.values()) - {run_pb2.METHOD_UNSPECIFIED}
    assert {convert.spec_from_proto(smallest(value)).method for value in values} == {*METHODS, *SEARCHES}


def test_what_a_run_leaves_open_is_the_methods_own() -> None:
    spec = convert.spec_from_proto(smallest())
    assert spec.training == METHODS["raft"].defaults
    assert (spec.suite, spec.generator, spec.interpreter) == ("planning", "embedded", "other")
    assert spec.budget == Budget()
    assert spec.test == TestPlan()


def test_what_a_run_asks_for_counts() -> None:
    run = smallest()
    wanted = run.optimization
    wanted.seed, wanted.iterations, wanted.candidates, wanted.tasks = 5, 6, 7, 8
    wanted.lora.rank, wanted.lora.alpha = 4, 2.5
    wanted.lora.learning_rate, wanted.lora.kl_weight = 0.125, 0.25
    wanted.interpreter.adapter = "sha256:" + "0" * 64
    wanted.test.control_samples, wanted.test.policy_samples, wanted.test.policy_tasks = 9, 10, 11
    wanted.test.comparators.add(name="baseline", workflow=workflow_pb2.Workflow(source=SOURCE))
    run.budget.max_executions, run.budget.max_llm_calls, run.budget.max_tokens = 12, 13, 14
    run.budget.max_wall_time.CopyFrom(Duration(seconds=1, nanos=500_000_000))
    spec = convert.spec_from_proto(run)
    training = spec.training
    assert (spec.seed, training.iterations, training.candidates, training.tasks) == (5, 6, 7, 8)
    assert (training.lora.rank, training.lora.alpha) == (4, 2.5)
    assert (training.lora.learning_rate, training.lora.kl_weight) == (0.125, 0.25)
    assert spec.interpreter_adapter == "sha256:" + "0" * 64
    assert (spec.test.control_samples, spec.test.policy_samples, spec.test.policy_tasks) == (9, 10, 11)
    (comparator,) = spec.test.comparators
    assert (comparator.name, comparator.workflow.text) == ("baseline", SOURCE)
    assert comparator.workflow.digest.startswith("sha256:")
    assert spec.budget == Budget(12, 13, 14, 1.5)


def test_a_run_may_ask_for_no_pull_to_the_base_model() -> None:
    run = smallest()
    run.optimization.lora.kl_weight = 0
    lora = convert.spec_from_proto(run).training.lora
    assert lora == replace(METHODS["raft"].defaults.lora, kl_weight=0)
    assert lora != METHODS["raft"].defaults.lora


def test_a_method_of_a_later_contract_is_refused() -> None:
    run = smallest()
    run.optimization.method = 99  # type: ignore[assignment]
    with pytest.raises(FailedPrecondition, match="method"):
        convert.spec_from_proto(run)


def test_a_comparator_with_lint_errors_is_refused() -> None:
    run = smallest()
    run.optimization.test.comparators.add(name="broken", workflow=workflow_pb2.Workflow(source="Step 1"))
    with pytest.raises(InvalidArgument, match="broken"):
        convert.spec_from_proto(run)


def test_a_grant_brings_the_ledger_of_the_last_commit() -> None:
    ledger = Ledger(1, 2, 3, Usage(4, 5, 6, cost_usd=0.5), 7.25, tool_calls=8, limited=9)
    run = smallest()
    run.ledger.CopyFrom(convert.ledger_to_proto(ledger))
    grant = convert.grant_from_proto(
        run_worker_service_pb2.LeaseRunResponse(
            run=run, fencing_token=3, lease_duration=Duration(seconds=30), checkpoint="sha256:0"
        ),
        convert.spec_from_proto,
    )
    assert (grant.fencing_token, grant.seconds, grant.checkpoint) == (3, 30.0, "sha256:0")
    assert grant.spent == ledger
    assert grant.read_spec() == convert.spec_from_proto(run)


def test_every_fate_of_a_candidate_is_told() -> None:
    reports = [CandidateReport("sha256:1", fate, ("sha256:2",), 0.5, 3, "why", True) for fate in Fate]
    told = convert.iteration_to_proto(IterationReport(0, 0.5, 0.5, candidates=tuple(reports))).candidates
    assert {each.fate for each in told} == set(run_pb2.CandidateFate.values()) - {0}
    assert {(each.digest, *each.parents, each.reward, each.tasks, each.reason) for each in told} == {
        ("sha256:1", "sha256:2", 0.5, 3, "why")
    }
    unmeasured = convert.iteration_to_proto(
        IterationReport(0, 0.0, 0.0, candidates=(CandidateReport("", Fate.INVALID),))
    )
    assert not unmeasured.candidates[0].HasField("reward")


@pytest.mark.parametrize("outcome", interpreter_service_pb2.ExecutionOutcome.values())
def test_only_an_answered_execution_has_an_answer(
    outcome: interpreter_service_pb2.ExecutionOutcome.ValueType,
) -> None:
    message = interpreter_service_pb2.ExecutionFinished(outcome=outcome, answer="Alpha")
    answered = outcome == interpreter_service_pb2.EXECUTION_OUTCOME_ANSWERED
    assert convert.execution_from_proto(message).answer == ("Alpha" if answered else None)


def test_an_iteration_says_everything() -> None:
    ledger = Ledger(1, 2, 3, Usage(4, 5, 6), 7.5)
    report = IterationReport(8, 0.25, 0.5, 0.75, 9, 0.125, True, 1.5, "sha256:0", ledger)
    assert MessageToDict(convert.iteration_to_proto(report), preserving_proto_field_name=True) == {
        "index": 8,
        "reward_mean": 0.25,
        "reward_max": 0.5,
        "valid_rate": 0.75,
        "truncated": 9,
        "kl": 0.125,
        "update_skipped": True,
        "seconds": 1.5,
        "adapter": "sha256:0",
        "ledger": {
            "executions": "1",
            "cache_hits": "2",
            "missing": "3",
            "usage": {"llm_calls": "4", "prompt_tokens": "5", "completion_tokens": "6"},
            "wall_time": "7.500s",
        },
    }


def test_a_result_says_everything() -> None:
    result = Result(
        winner=Workflow(SOURCE, "sha256:1"),
        winner_validation_mean=0.875,
        adapter="sha256:2",
        reports=(
            WorkflowReport(
                name="best",
                workflow=Workflow(SOURCE, "sha256:1"),
                reward=Estimate(0.5, 0.25, 0.75),
                plan_f1=Estimate(0.625, 0.5, 0.75),
                valid_plan_rate=0.5,
                tasks=8,
                missing=1,
                chosen_from=32,
                unoptimized=("exact_plan", Estimate(0.25, 0.125, 0.5)),
                spent=Ledger(executions=8, usage=Usage(16, 100, 10)),
            ),
        ),
        policy=PolicyReport(Estimate(0.25, 0.125, 0.5), Estimate(0.75, 0.5, 1.0), 48, 12, 0.875, 3),
        ceiling=1.0,
        improvement=Improvement("baseline", Estimate(0.5, 0.25, 0.75), 1.5),
        test_openings=2,
        suite_digest="sha256:3",
        acceptance=Acceptance(
            True, "baseline", Estimate(0.5, 0.25, 0.75), Power(25, 0.125, 0.5), 8, "Above zero."
        ),
        flags=(Flag(FlagKind.REOPENED, "best", "again", ("t1",)),),
        registered="workflows/planner@3",
        page="sha256:4",
    )
    message = result_convert.result_to_proto(result)
    assert MessageToDict(message, preserving_proto_field_name=True) == {
        "winner": {"source": SOURCE, "digest": "sha256:1"},
        "winner_validation_mean": 0.875,
        "adapter": "sha256:2",
        "reports": [
            {
                "name": "best",
                "workflow": {"source": SOURCE, "digest": "sha256:1"},
                "reward": {"mean": 0.5, "ci95_low": 0.25, "ci95_high": 0.75},
                "plan_f1": {"mean": 0.625, "ci95_low": 0.5, "ci95_high": 0.75},
                "valid_plan_rate": 0.5,
                "tasks": 8,
                "missing": 1,
                "chosen_from": 32,
                "unoptimized": {
                    "metric": "exact_plan",
                    "reward": {"mean": 0.25, "ci95_low": 0.125, "ci95_high": 0.5},
                    "tasks": 8,
                },
                "spent": {
                    "executions": "8",
                    "usage": {"llm_calls": "16", "prompt_tokens": "100", "completion_tokens": "10"},
                    "wall_time": "0s",
                },
            }
        ],
        "policy": {
            "before": {"mean": 0.25, "ci95_low": 0.125, "ci95_high": 0.5},
            "after": {"mean": 0.75, "ci95_low": 0.5, "ci95_high": 1.0},
            "samples": 48,
            "tasks": 12,
            "valid_workflow_rate": 0.875,
            "truncated": 3,
        },
        "ceiling": 1.0,
        "improvement": {
            "over": "baseline",
            "absolute": {"mean": 0.5, "ci95_low": 0.25, "ci95_high": 0.75},
            "relative": 1.5,
        },
        "test_openings": 2,
        "suite_digest": "sha256:3",
        "acceptance": {
            "accepted": True,
            "over": "baseline",
            "difference": {"mean": 0.5, "ci95_low": 0.25, "ci95_high": 0.75},
            "power": {
                "tasks": 25,
                "minimum_detectable_effect": 0.125,
                "assumed_sd": 0.5,
                "candidates": 8,
            },
            "reason": "Above zero.",
        },
        "flags": [{"kind": "FLAG_KIND_REOPENED", "workflow": "best", "message": "again", "tasks": ["t1"]}],
        "registered": "workflows/planner@3",
        "page": "sha256:4",
    }


def test_progress_says_everything() -> None:
    assert convert.progress_to_proto(Progress("learning", 1, 2)) == run_pb2.RunProgress(
        phase="learning", done=1, total=2
    )
