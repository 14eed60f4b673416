"""A run that has succeeded, as a trainer would give it."""

from __future__ import annotations

from autoflow.suites import workflow_text
from autoflow.v1 import run_pb2, workflow_pb2

WINNER = workflow_text("expert")
DIGEST = "sha256:" + "5" * 64
CANDIDATES = 16


def estimate(mean: float, half: float) -> run_pb2.Estimate:
    return run_pb2.Estimate(mean=mean, ci95_low=mean - half, ci95_high=mean + half)


def iterations(count: int = 10) -> list[run_pb2.Iteration]:
    return [
        run_pb2.Iteration(
            index=index,
            reward_mean=0.3 + 0.05 * index,
            reward_max=0.5 + 0.05 * index,
            valid_rate=1.0 - 1 / CANDIDATES,
            truncated=1,
            seconds=2.0,
            adapter="sha256:" + "a" * 64,
            ledger=run_pb2.Ledger(executions=96 * (index + 1)),
        )
        for index in range(count)
    ]


def ledger() -> run_pb2.Ledger:
    spent = run_pb2.Ledger(executions=4321, cache_hits=99, missing=0)
    spent.usage.llm_calls = 30_000
    spent.usage.prompt_tokens = 5_000_000
    spent.usage.completion_tokens = 400_000
    spent.wall_time.FromSeconds(240)
    return spent


def result(count: int = 10) -> run_pb2.OptimizationResult:
    winner = workflow_pb2.Workflow(source=WINNER)
    return run_pb2.OptimizationResult(
        winner=winner,
        winner_validation_mean=0.9,
        adapter="sha256:" + "a" * 64,
        reports=[
            report("baseline", estimate(0.45, 0.05), valid=0.93),
            report("expert", estimate(0.8, 0.04), valid=0.99),
            report("control", estimate(0.7, 0.06), valid=0.97, chosen_from=64),
            report("best", estimate(0.85, 0.03), valid=1.0, chosen_from=CANDIDATES * count),
        ],
        policy=run_pb2.PolicyReport(
            before=estimate(0.33, 0.04),
            after=estimate(0.78, 0.05),
            samples=48,
            tasks=12,
            valid_workflow_rate=0.5,
            truncated=3,
        ),
        ceiling=0.98,
        improvement=run_pb2.Improvement(over="baseline", absolute=estimate(0.4, 0.06), relative=0.89),
        test_openings=2,
        suite_digest=DIGEST,
    )


def report(
    name: str, reward: run_pb2.Estimate, *, valid: float, chosen_from: int = 0
) -> run_pb2.WorkflowReport:
    return run_pb2.WorkflowReport(
        name=name,
        workflow=workflow_pb2.Workflow(source=WINNER),
        reward=reward,
        plan_f1=reward,
        valid_plan_rate=valid,
        tasks=48,
        chosen_from=chosen_from,
    )


def succeeded(count: int = 10) -> run_pb2.Run:
    run = run_pb2.Run(
        name="runs/0123456789abcdef",
        state=run_pb2.RUN_STATE_SUCCEEDED,
        iterations=iterations(count),
        optimization_result=result(count),
        ledger=ledger(),
    )
    run.optimization.suite = "planning"
    run.optimization.generator.model = "embedded"
    run.optimization.interpreter.model = "embedded"
    run.optimization.method = run_pb2.METHOD_RLOO
    run.optimization.seed = 7
    run.create_time.FromSeconds(1_800_000_000)
    run.start_time.FromSeconds(1_800_000_001)
    run.end_time.FromSeconds(1_800_000_241)
    return run
