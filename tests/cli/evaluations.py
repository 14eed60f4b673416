"""An evaluation that has succeeded, as a trainer would give it."""

from __future__ import annotations

from collections.abc import Sequence

from autoflow.v1 import run_pb2, task_pb2, workflow_pb2
from tests.cli.messages import DIGEST, ledger

TASKS = 48
PAGE = b"<!DOCTYPE html><title>made up</title>"
SOURCE = "Step 1:::terminal:::Plan."


def estimate(mean: float, half: float) -> run_pb2.Estimate:
    return run_pb2.Estimate(mean=mean, ci95_low=mean - half, ci95_high=min(1.0, mean + half))


def metrics(*means: float) -> list[run_pb2.MetricEstimate]:
    names = ("clip", "bertscore", "vit")
    return [
        run_pb2.MetricEstimate(metric=name, reward=estimate(mean, 0.05), tasks=TASKS // 3)
        for name, mean in zip(names, means, strict=True)
    ]


def measured(
    name: str, means: Sequence[float], *, valid: float, missing: int = 0
) -> run_pb2.WorkflowEvaluation:
    mean = sum(means) / len(means)
    return run_pb2.WorkflowEvaluation(
        name=name,
        workflow=workflow_pb2.Workflow(source=SOURCE),
        reward=estimate(mean, 0.04),
        metrics=metrics(*means),
        valid_plan_rate=estimate(valid, 0.02),
        plan_f1=estimate(mean, 0.1),
        missing=missing,
        tasks=[
            run_pb2.TaskEvaluation(task=f"t{number}", metric="vit", reward=mean, plan_valid=True)
            for number in range(TASKS)
        ],
    )


def result() -> run_pb2.EvaluationResult:
    baseline = measured("baseline", (0.5, 0.6, 0.7), valid=0.9)
    mine = measured("a-rather-long-name", (0.6, 0.7, 0.8), valid=0.95, missing=2)
    reference = measured("reference", (0.8, 0.9, 1.0), valid=1.0)
    reference.ClearField("workflow")
    for later in (mine, reference):
        gain = later.reward.mean - baseline.reward.mean
        later.improvement.CopyFrom(
            run_pb2.Improvement(over="baseline", absolute=estimate(gain, 0.03), relative=gain / 0.6)
        )
    return run_pb2.EvaluationResult(
        workflows=[baseline, mine, reference],
        test_openings=2,
        suite_digest=DIGEST,
        page="sha256:" + "b" * 64,
    )


def evaluated() -> run_pb2.Run:
    run = run_pb2.Run(
        name="runs/0123456789abcdef",
        state=run_pb2.RUN_STATE_SUCCEEDED,
        iterations=[run_pb2.Iteration(index=index, reward_mean=0.65, reward_max=0.7) for index in range(3)],
        evaluation_result=result(),
        ledger=ledger(),
    )
    run.evaluation.suite = "planning"
    run.evaluation.split = task_pb2.SPLIT_TEST
    run.evaluation.interpreter.model = "embedded"
    run.evaluation.seed = 7
    for name in ("baseline", "a-rather-long-name"):
        run.evaluation.workflows.add(name=name, workflow=workflow_pb2.Workflow(source=SOURCE))
    run.create_time.FromSeconds(1_800_000_000)
    run.start_time.FromSeconds(1_800_000_001)
    run.end_time.FromSeconds(1_800_000_241)
    return run
