"""Messages of evaluations and the worker's own values, one into the other."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from autoflow.convert import split_from_proto
from autoflow.suites import SAMPLES
from autoflow.v1 import run_pb2, run_worker_service_pb2
from autoflow_worker import convert
from autoflow_worker.evaluation.shelf import MeasuredTask
from autoflow_worker.evaluation.spec import EvaluationSpec
from autoflow_worker.evaluation.table import EvaluationResult, MetricEstimate, WorkflowEvaluation
from autoflow_worker.evaluation.witness import ANSWER_CHARS, cut
from autoflow_worker.lease import Grant
from autoflow_worker.ports import Score
from autoflow_worker.spec import Comparator

_ALL_ANSWERS = 8_000_000
"""Characters of all answers of a result together: the message must not grow beyond what is carried."""


def grant_from_proto(message: run_worker_service_pb2.LeaseRunResponse) -> Grant:
    """A lease of a run of either kind."""
    grant = convert.grant_from_proto(message)
    if message.run.HasField("evaluation"):
        return replace(grant, read_spec=partial(spec_from_proto, message.run))
    return grant


def spec_from_proto(run: run_pb2.Run) -> EvaluationSpec:
    """What an evaluation is to do, with every default filled in.

    Raises:
        InvalidArgument: a workflow has lint errors.
    """
    wanted = run.evaluation
    return EvaluationSpec(
        suite=wanted.suite.removeprefix("suites/"),
        split=split_from_proto(wanted.split),
        workflows=tuple(
            Comparator(
                item.name,
                convert.workflow_from_source(item.workflow.source, item.name, "run.evaluation.workflows"),
            )
            for item in wanted.workflows
        ),
        interpreter=wanted.interpreter.model,
        interpreter_adapter=wanted.interpreter.adapter,
        executed_rewards=wanted.reward != run_pb2.REWARD_PLAN,
        tasks=wanted.tasks,
        samples=wanted.samples or SAMPLES,
        seed=wanted.seed,
        budget=convert.budget_from_proto(run.budget),
    )


def result_to_proto(result: EvaluationResult) -> run_pb2.EvaluationResult:
    """A result as a message."""
    cells = len(result.workflows) * len(result.tasks)
    longest = max(1, min(ANSWER_CHARS, _ALL_ANSWERS // max(1, cells)))
    return run_pb2.EvaluationResult(
        workflows=[_workflow_to_proto(workflow, result, longest) for workflow in result.workflows],
        test_openings=result.test_openings,
        suite_digest=result.suite_digest,
        page=result.page,
    )


def _workflow_to_proto(
    found: WorkflowEvaluation, result: EvaluationResult, longest: int
) -> run_pb2.WorkflowEvaluation:
    return run_pb2.WorkflowEvaluation(
        name=found.name,
        workflow=convert.workflow_to_proto(found.workflow) if found.workflow else None,
        reward=convert.estimate_to_proto(found.reward),
        metrics=map(_metric_to_proto, found.metrics),
        valid_plan_rate=convert.estimate_to_proto(found.valid_plan_rate),
        plan_f1=convert.estimate_to_proto(found.plan_f1),
        missing=found.missing,
        tasks=[
            _task_to_proto(task, score, longest)
            for task, score in zip(result.tasks, found.scores, strict=True)
        ],
        improvement=convert.improvement_to_proto(found.improvement) if found.improvement else None,
    )


def _metric_to_proto(found: MetricEstimate) -> run_pb2.MetricEstimate:
    return run_pb2.MetricEstimate(
        metric=found.metric, reward=convert.estimate_to_proto(found.reward), tasks=found.tasks
    )


def _task_to_proto(task: MeasuredTask, score: Score | None, longest: int) -> run_pb2.TaskEvaluation:
    message = run_pb2.TaskEvaluation(task=task.task, metric=task.metric)
    if score is not None:
        message.reward = score.reward
        message.plan_valid = score.plan_valid
        message.plan_f1 = score.plan_f1
        message.answer = cut(score.evidence.answer, longest) if score.evidence else ""
    return message
