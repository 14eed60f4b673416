"""What an optimisation found, as messages."""

from __future__ import annotations

from autoflow.v1 import run_pb2
from autoflow_worker.convert import (
    estimate_to_proto,
    flag_to_proto,
    improvement_to_proto,
    ledger_to_proto,
    workflow_to_proto,
)
from autoflow_worker.results import Acceptance, PolicyReport, Result, WorkflowReport


def result_to_proto(result: Result) -> run_pb2.OptimizationResult:
    """A result as a message."""
    return run_pb2.OptimizationResult(
        winner=workflow_to_proto(result.winner),
        winner_validation_mean=result.winner_validation_mean,
        adapter=result.adapter,
        reports=map(_report_to_proto, result.reports),
        policy=_policy_to_proto(result.policy) if result.policy else None,
        ceiling=result.ceiling,
        improvement=improvement_to_proto(result.improvement) if result.improvement else None,
        test_openings=result.test_openings,
        suite_digest=result.suite_digest,
        acceptance=_acceptance_to_proto(result.acceptance) if result.acceptance else None,
        registered=result.registered,
        flags=map(flag_to_proto, result.flags),
        page=result.page,
    )


def _acceptance_to_proto(found: Acceptance) -> run_pb2.Acceptance:
    return run_pb2.Acceptance(
        accepted=found.accepted,
        over=found.over,
        difference=estimate_to_proto(found.difference) if found.difference else None,
        power=run_pb2.PowerAnalysis(
            tasks=found.power.tasks,
            minimum_detectable_effect=found.power.effect,
            assumed_sd=found.power.sd,
            candidates=found.candidates,
        ),
        reason=found.reason,
    )


def _report_to_proto(report: WorkflowReport) -> run_pb2.WorkflowReport:
    return run_pb2.WorkflowReport(
        name=report.name,
        workflow=workflow_to_proto(report.workflow),
        reward=estimate_to_proto(report.reward),
        plan_f1=estimate_to_proto(report.plan_f1) if report.plan_f1 else None,
        valid_plan_rate=report.valid_plan_rate,
        tasks=report.tasks,
        missing=report.missing,
        chosen_from=report.chosen_from,
        unoptimized=_unoptimized_to_proto(report),
        spent=ledger_to_proto(report.spent),
    )


def _unoptimized_to_proto(report: WorkflowReport) -> run_pb2.MetricEstimate | None:
    if report.unoptimized is None:
        return None
    metric, estimate = report.unoptimized
    return run_pb2.MetricEstimate(metric=metric, reward=estimate_to_proto(estimate), tasks=report.tasks)


def _policy_to_proto(report: PolicyReport) -> run_pb2.PolicyReport:
    return run_pb2.PolicyReport(
        before=estimate_to_proto(report.before),
        after=estimate_to_proto(report.after),
        samples=report.samples,
        tasks=report.tasks,
        valid_workflow_rate=report.valid_workflow_rate,
        truncated=report.truncated,
    )
