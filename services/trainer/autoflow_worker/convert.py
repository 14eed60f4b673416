"""Messages of the contracts and the worker's own values, one into the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from types import MappingProxyType

from google.protobuf.duration_pb2 import Duration

from autoflow.convert import method_from_proto, reward_from_proto, usage_from_proto, usage_to_proto
from autoflow.errors import InvalidArgument
from autoflow.language import check
from autoflow.methods import Reward
from autoflow.v1 import (
    interpreter_service_pb2,
    run_pb2,
    run_worker_service_pb2,
    workflow_pb2,
)
from autoflow_worker.flags import Flag
from autoflow_worker.lease import Grant, Spec
from autoflow_worker.ledger import Budget, Ledger
from autoflow_worker.methods import METHODS, LoraSettings, TrainingSettings
from autoflow_worker.ports import Execution, Step, Workflow
from autoflow_worker.results import (
    CandidateReport,
    Fate,
    Improvement,
    IterationReport,
    Progress,
)
from autoflow_worker.search import SEARCHES
from autoflow_worker.spec import Comparator, RunSpec, TestPlan
from autoflow_worker.statistics import Estimate

_DEFAULT_POLICY_TASKS = 12
_LIMITS = frozenset(
    {
        interpreter_service_pb2.EXECUTION_OUTCOME_STEP_LIMIT,
        interpreter_service_pb2.EXECUTION_OUTCOME_TOKEN_LIMIT,
        interpreter_service_pb2.EXECUTION_OUTCOME_CALL_LIMIT,
        interpreter_service_pb2.EXECUTION_OUTCOME_COST_LIMIT,
    }
)
"""How an execution ends at a limit; that on time is `TimedOut`."""
_FATES: Mapping[Fate, run_pb2.CandidateFate.ValueType] = MappingProxyType(
    {
        Fate.MEASURED: run_pb2.CANDIDATE_FATE_MEASURED,
        Fate.KEPT: run_pb2.CANDIDATE_FATE_KEPT,
        Fate.SCREENED_OUT: run_pb2.CANDIDATE_FATE_SCREENED_OUT,
        Fate.DUPLICATE: run_pb2.CANDIDATE_FATE_DUPLICATE,
        Fate.INVALID: run_pb2.CANDIDATE_FATE_INVALID,
        Fate.MISSING: run_pb2.CANDIDATE_FATE_MISSING,
    }
)


_FATES_BACK = MappingProxyType({value: fate for fate, value in _FATES.items()})


def grant_from_proto(
    message: run_worker_service_pb2.LeaseRunResponse, read_spec: Callable[[run_pb2.Run], Spec]
) -> Grant:
    """A lease. What the run is to do is read later: to say what is wrong with it takes the lease.

    Args:
        message: the lease.
        read_spec: reads a run of this kind.
    """
    return Grant(
        read_spec=partial(read_spec, message.run),
        fencing_token=message.fencing_token,
        seconds=_seconds(message.lease_duration),
        checkpoint=message.checkpoint,
        spent=ledger_from_proto(message.run.ledger),
        suite_artifact=message.suite_artifact,
        iterations=tuple(map(iteration_from_proto, message.run.iterations)),
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
        training=_training(wanted, (METHODS if method.trains else SEARCHES)[method].defaults),
        test=_test_plan(wanted.test),
        budget=budget_from_proto(run.budget),
        generator_adapter=wanted.generator.adapter,
        register_as=wanted.register_as.removeprefix("workflows/"),
    )


def budget_from_proto(message: run_pb2.Budget) -> Budget:
    """What a run may spend."""
    return Budget(
        max_executions=message.max_executions,
        max_llm_calls=message.max_llm_calls,
        max_tokens=message.max_tokens,
        max_seconds=_seconds(message.max_wall_time),
        max_cost_usd=message.max_cost_usd,
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


def execution_from_proto(
    message: interpreter_service_pb2.ExecutionFinished, *, seconds: float = 0.0, steps: tuple[Step, ...] = ()
) -> Execution:
    """How an execution ended that ended by its own doing."""
    answered = message.outcome == interpreter_service_pb2.EXECUTION_OUTCOME_ANSWERED
    return Execution(
        message.answer if answered else None,
        usage_from_proto(message.usage),
        tool_calls=message.tool_calls,
        limited=message.outcome in _LIMITS,
        seconds=seconds,
        steps=steps,
    )


def ledger_from_proto(message: run_pb2.Ledger) -> Ledger:
    """What was spent."""
    return Ledger(
        executions=message.executions,
        cache_hits=message.cache_hits,
        missing=message.missing,
        usage=usage_from_proto(message.usage),
        seconds=_seconds(message.wall_time),
        tool_calls=message.tool_calls,
        limited=message.limited,
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
        tool_calls=ledger.tool_calls,
        limited=ledger.limited,
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
        candidates=map(_candidate_to_proto, report.candidates),
        pairing=report.pairing,
    )


def iteration_from_proto(message: run_pb2.Iteration) -> IterationReport:
    """An iteration that an earlier worker committed, as far as the page of a run shows it."""
    return IterationReport(
        index=message.index,
        reward_mean=message.reward_mean,
        reward_max=message.reward_max,
        valid_rate=message.valid_rate,
        truncated=message.truncated,
        seconds=message.seconds,
        adapter=message.adapter,
        candidates=tuple(map(_candidate_from_proto, message.candidates)),
    )


def _candidate_from_proto(message: run_pb2.CandidateSummary) -> CandidateReport:
    return CandidateReport(
        digest=message.digest,
        # A fate of a later release is as good as measured: it is for people to read.
        fate=_FATES_BACK.get(message.fate, Fate.MEASURED),
        parents=tuple(message.parents),
        reward=message.reward if message.HasField("reward") else None,
        tasks=message.tasks,
        reason=message.reason,
        mended=message.mended,
    )


def _candidate_to_proto(report: CandidateReport) -> run_pb2.CandidateSummary:
    return run_pb2.CandidateSummary(
        digest=report.digest,
        parents=report.parents,
        reward=report.reward,
        tasks=report.tasks,
        fate=_FATES[report.fate],
        reason=report.reason,
        mended=report.mended,
    )


def workflow_to_proto(workflow: Workflow) -> workflow_pb2.Workflow:
    """A workflow as a message, without its steps: whoever wants them parses the text."""
    return workflow_pb2.Workflow(source=workflow.text, digest=workflow.digest)


def flag_to_proto(flag: Flag) -> run_pb2.Flag:
    """A flag as a message."""
    kind = run_pb2.FlagKind.Value(f"FLAG_KIND_{flag.kind.name}")
    return run_pb2.Flag(kind=kind, workflow=flag.workflow, message=flag.message, tasks=flag.tasks)


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
