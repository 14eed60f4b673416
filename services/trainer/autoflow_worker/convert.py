"""Messages of the contracts and the worker's own values, one into the other."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial

from google.protobuf.duration_pb2 import Duration

from autoflow.convert import method_from_proto, reward_from_proto, usage_from_proto, usage_to_proto
from autoflow.errors import InvalidArgument
from autoflow.language import check
from autoflow.methods import Reward
from autoflow.v1 import (
    generator_service_pb2,
    interpreter_service_pb2,
    model_pb2,
    run_pb2,
    run_worker_service_pb2,
    workflow_pb2,
)
from autoflow_worker.lease import Grant
from autoflow_worker.ledger import Budget, Ledger
from autoflow_worker.methods import METHODS, LoraSettings, TrainingSettings
from autoflow_worker.ports import Candidate, Execution, Workflow
from autoflow_worker.results import (
    Improvement,
    IterationReport,
    PolicyReport,
    Progress,
    Result,
    WorkflowReport,
)
from autoflow_worker.spec import Comparator, RunSpec, TestPlan
from autoflow_worker.statistics import Estimate

_DEFAULT_POLICY_TASKS = 12


def grant_from_proto(message: run_worker_service_pb2.LeaseRunResponse) -> Grant:
    """A lease. What the run is to do is read later: to say what is wrong with it takes the lease."""
    return Grant(
        read_spec=partial(spec_from_proto, message.run),
        fencing_token=message.fencing_token,
        seconds=_seconds(message.lease_duration),
        checkpoint=message.checkpoint,
        spent=ledger_from_proto(message.run.ledger),
        suite_artifact=message.suite_artifact,
    )


def spec_from_proto(run: run_pb2.Run) -> RunSpec:
    """What a run is to do, with every default filled in.

    Raises:
        FailedPrecondition: the run asks for a method or a reward that this worker does not know.
        InvalidArgument: a comparator has lint errors.
    """
    wanted = run.optimization
    method = method_from_proto(wanted.method)
    return RunSpec(
        suite=wanted.suite,
        generator=wanted.generator.model,
        interpreter=wanted.interpreter.model,
        interpreter_adapter=wanted.interpreter.adapter,
        method=method,
        seed=wanted.seed,
        reward=reward_from_proto(wanted.reward) or Reward.PLAN,
        training=_training(wanted, METHODS[method].defaults),
        test=_test_plan(wanted.test),
        budget=budget_from_proto(run.budget),
    )


def budget_from_proto(message: run_pb2.Budget) -> Budget:
    """What a run may spend."""
    return Budget(
        max_executions=message.max_executions,
        max_llm_calls=message.max_llm_calls,
        max_tokens=message.max_tokens,
        max_seconds=_seconds(message.max_wall_time),
    )


def _training(wanted: run_pb2.Optimization, defaults: TrainingSettings) -> TrainingSettings:
    return replace(
        defaults,
        iterations=wanted.iterations or defaults.iterations,
        candidates=wanted.candidates or defaults.candidates,
        tasks=wanted.tasks or defaults.tasks,
        lora=_lora(wanted.lora, defaults.lora),
    )


def _lora(wanted: run_pb2.LoraSettings, defaults: LoraSettings) -> LoraSettings:
    return replace(
        defaults,
        rank=wanted.rank or defaults.rank,
        alpha=wanted.alpha or defaults.alpha,
        learning_rate=wanted.learning_rate or defaults.learning_rate,
        kl_weight=wanted.kl_weight if wanted.HasField("kl_weight") else defaults.kl_weight,
    )


def _test_plan(wanted: run_pb2.TestPlan) -> TestPlan:
    return TestPlan(
        comparators=tuple(
            Comparator(
                item.name,
                workflow_from_source(item.workflow.source, item.name, "run.optimization.test.comparators"),
            )
            for item in wanted.comparators
        ),
        control_samples=wanted.control_samples,
        policy_samples=wanted.policy_samples,
        policy_tasks=wanted.policy_tasks or _DEFAULT_POLICY_TASKS,
    )


def workflow_from_source(source: str, name: str, field: str) -> Workflow:
    """A given workflow.

    Args:
        source: its text.
        name: what it is called.
        field: of the request, where it is.

    Raises:
        InvalidArgument: it has lint errors.
    """
    checked = check(source)
    if checked.workflow is None or not checked.ok:
        raise InvalidArgument(field, f"{name} has lint errors")
    return Workflow(source, checked.workflow.digest)


def candidate_from_proto(message: generator_service_pb2.Candidate) -> Candidate:
    """A drawn candidate."""
    workflow = Workflow(message.workflow.source, message.workflow.digest) if message.valid else None
    return Candidate(
        workflow=workflow,
        truncated=message.finish_reason == model_pb2.FINISH_REASON_LENGTH,
        token_ids=tuple(message.token_ids),
        usage=usage_from_proto(message.usage),
        log_probs=tuple(message.log_probs),
    )


def execution_from_proto(message: interpreter_service_pb2.ExecutionFinished) -> Execution:
    """How an execution ended that ended by its own doing."""
    answered = message.outcome == interpreter_service_pb2.EXECUTION_OUTCOME_ANSWERED
    return Execution(message.answer if answered else None, usage_from_proto(message.usage))


def ledger_from_proto(message: run_pb2.Ledger) -> Ledger:
    """What was spent."""
    return Ledger(
        executions=message.executions,
        cache_hits=message.cache_hits,
        missing=message.missing,
        usage=usage_from_proto(message.usage),
        seconds=_seconds(message.wall_time),
    )


def ledger_to_proto(ledger: Ledger) -> run_pb2.Ledger:
    """What was spent, as a message."""
    wall_time = Duration()
    wall_time.FromTimedelta(timedelta(seconds=ledger.seconds))
    return run_pb2.Ledger(
        executions=ledger.executions,
        cache_hits=ledger.cache_hits,
        missing=ledger.missing,
        usage=usage_to_proto(ledger.usage),
        wall_time=wall_time,
    )


def progress_to_proto(progress: Progress) -> run_pb2.RunProgress:
    """How far a run is, as a message."""
    return run_pb2.RunProgress(phase=progress.phase, done=progress.done, total=progress.total)


def iteration_to_proto(report: IterationReport) -> run_pb2.Iteration:
    """An iteration as a message."""
    return run_pb2.Iteration(
        index=report.index,
        reward_mean=report.reward_mean,
        reward_max=report.reward_max,
        valid_rate=report.valid_rate,
        truncated=report.truncated,
        kl=report.kl,
        update_skipped=report.update_skipped,
        seconds=report.seconds,
        adapter=report.adapter,
        ledger=ledger_to_proto(report.ledger),
    )


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
    )


def workflow_to_proto(workflow: Workflow) -> workflow_pb2.Workflow:
    """A workflow as a message, without its steps: whoever wants them parses the text."""
    return workflow_pb2.Workflow(source=workflow.text, digest=workflow.digest)


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
    )


def _policy_to_proto(report: PolicyReport) -> run_pb2.PolicyReport:
    return run_pb2.PolicyReport(
        before=estimate_to_proto(report.before),
        after=estimate_to_proto(report.after),
        samples=report.samples,
        tasks=report.tasks,
        valid_workflow_rate=report.valid_workflow_rate,
        truncated=report.truncated,
    )


def improvement_to_proto(improvement: Improvement) -> run_pb2.Improvement:
    """A paired difference as a message."""
    return run_pb2.Improvement(
        over=improvement.over,
        absolute=estimate_to_proto(improvement.absolute),
        relative=improvement.relative,
    )


def estimate_to_proto(estimate: Estimate) -> run_pb2.Estimate:
    """A mean with its interval as a message."""
    return run_pb2.Estimate(mean=estimate.mean, ci95_low=estimate.low, ci95_high=estimate.high)


def _seconds(duration: Duration) -> float:
    return duration.ToTimedelta().total_seconds()
