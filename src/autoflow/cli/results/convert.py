"""Messages of a run as the values of `summary`."""

from __future__ import annotations

from autoflow.cli.results.summary import (
    BEST,
    Cost,
    Improvement,
    Interval,
    IterationScore,
    PolicyScore,
    Summary,
    WorkflowScore,
)
from autoflow.cli.runs.states import method_word
from autoflow.v1 import run_pb2


def summary_from_run(run: run_pb2.Run, wall_seconds: float | None = None) -> Summary:
    """What a run found.

    Args:
        run: a run that has succeeded, with all its iterations.
        wall_seconds: what it took, for whoever measured more than the run's own time.
    """
    result = run.optimization_result
    valid_rate, truncated = _samples(run)
    return Summary(
        suite=run.optimization.suite,
        suite_digest=result.suite_digest,
        method=method_word(run),
        seed=run.optimization.seed,
        scores={report.name: _score(report) for report in result.reports},
        policy=_policy(result.policy) if result.HasField("policy") else None,
        ceiling=result.ceiling,
        improvement=_improvement(result.improvement) if result.HasField("improvement") else None,
        valid_workflow_rate=valid_rate,
        truncated=truncated,
        test_openings=result.test_openings,
        iterations=[_iteration(iteration) for iteration in run.iterations],
        cost=_cost(run.ledger, wall_seconds),
        winner=result.winner.source,
    )


def _samples(run: run_pb2.Run) -> tuple[float, int]:
    """The part of all samples that were valid workflows, and how many were cut off."""
    rates = [iteration.valid_rate for iteration in run.iterations]
    # Every iteration draws equally many.
    learning = sum(report.chosen_from for report in run.optimization_result.reports if report.name == BEST)
    policy = run.optimization_result.policy
    fresh = 2 * policy.samples
    valid = (sum(rates) / len(rates) * learning if rates else 0.0) + policy.valid_workflow_rate * fresh
    drawn = (learning if rates else 0) + fresh
    truncated = sum(iteration.truncated for iteration in run.iterations) + policy.truncated
    return valid / drawn if drawn else 0.0, truncated


def _interval(estimate: run_pb2.Estimate) -> Interval:
    return Interval(estimate.mean, estimate.ci95_low, estimate.ci95_high)


def _score(report: run_pb2.WorkflowReport) -> WorkflowScore:
    return WorkflowScore(
        reward=_interval(report.reward),
        plan_f1=_interval(report.plan_f1) if report.HasField("plan_f1") else None,
        valid_plan_rate=report.valid_plan_rate,
        tasks=report.tasks,
        missing=report.missing,
        chosen_from=report.chosen_from,
    )


def _policy(report: run_pb2.PolicyReport) -> PolicyScore:
    return PolicyScore(_interval(report.before), _interval(report.after), report.samples, report.tasks)


def _improvement(improvement: run_pb2.Improvement) -> Improvement:
    return Improvement(improvement.over, _interval(improvement.absolute), improvement.relative)


def _iteration(iteration: run_pb2.Iteration) -> IterationScore:
    return IterationScore(
        iteration.reward_mean, iteration.reward_max, iteration.valid_rate, iteration.seconds
    )


def _cost(ledger: run_pb2.Ledger, wall_seconds: float | None) -> Cost:
    own = ledger.wall_time.ToTimedelta().total_seconds()
    return Cost(
        executions=ledger.executions,
        llm_calls=ledger.usage.llm_calls,
        tokens=ledger.usage.prompt_tokens + ledger.usage.completion_tokens,
        missing=ledger.missing,
        wall_seconds=own if wall_seconds is None else wall_seconds,
    )
