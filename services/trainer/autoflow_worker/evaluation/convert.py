"""Messages of evaluations and the worker's own values, one into the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from types import MappingProxyType

from autoflow.convert import reward_from_proto, split_from_proto
from autoflow.methods import Reward
from autoflow.suites import SAMPLES
from autoflow.suites.judging import Kind, Measures, Verdict
from autoflow.v1 import run_pb2
from autoflow_worker import convert
from autoflow_worker.evaluation.shelf import MeasuredTask
from autoflow_worker.evaluation.spec import EvaluationSpec
from autoflow_worker.evaluation.table import EvaluationResult, MetricEstimate, WorkflowEvaluation
from autoflow_worker.evaluation.witness import ANSWER_CHARS, cut
from autoflow_worker.ports import Score
from autoflow_worker.spec import Comparator

_ALL_ANSWERS = 8 * 2**20
"""Bytes of all answers of a result together."""
_RESULT = 60 * 2**20
"""Bytes of a result with its answers: a message of 64 MiB is carried, and there is more in it."""
_AROUND = 8
"""Bytes that an answer takes besides its own: its tag, its length, and what the lengths around it grow by."""
_ELLIPSIS = "…"
_KINDS: Mapping[Kind, run_pb2.ConstraintKind.ValueType] = MappingProxyType(
    {
        Kind.COMMONSENSE: run_pb2.CONSTRAINT_KIND_COMMONSENSE,
        Kind.HARD: run_pb2.CONSTRAINT_KIND_HARD,
    }
)


def spec_from_proto(run: run_pb2.Run) -> EvaluationSpec:
    """What an evaluation is to do, with every default filled in.

    Raises:
        FailedPrecondition: the run asks for a reward that this worker does not know.
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
        reward=reward_from_proto(wanted.reward) or Reward.EXECUTED,
        tasks=wanted.tasks,
        samples=wanted.samples or SAMPLES,
        temperature=wanted.temperature,
        repeats=wanted.repeats or 1,
        seed=wanted.seed,
        budget=convert.budget_from_proto(run.budget),
    )


def result_to_proto(result: EvaluationResult) -> run_pb2.EvaluationResult:
    """A result as a message; answers are cut to what it has room for beside all else."""
    message = run_pb2.EvaluationResult(
        workflows=[_workflow_to_proto(workflow, result) for workflow in result.workflows],
        test_openings=result.test_openings,
        suite_digest=result.suite_digest,
        page=result.page,
    )
    cells = len(result.workflows) * len(result.tasks)
    room = min(_ALL_ANSWERS, _RESULT - message.ByteSize())
    longest = max(0, room // max(1, cells) - _AROUND)
    for told, workflow in zip(message.workflows, result.workflows, strict=True):
        for task, score in zip(told.tasks, workflow.scores, strict=True):
            if score is not None and score.evidence:
                task.answer = _beginning(cut(score.evidence.answer, ANSWER_CHARS), longest)
    return message


def _beginning(text: str, size: int) -> str:
    """A text of at most so many bytes in UTF-8, with an ellipsis where it was cut."""
    data = text.encode()
    if len(data) <= size:
        return text
    kept = size - len(_ELLIPSIS.encode())
    return data[:kept].decode(errors="ignore") + _ELLIPSIS if kept >= 0 else ""


def _workflow_to_proto(found: WorkflowEvaluation, result: EvaluationResult) -> run_pb2.WorkflowEvaluation:
    return run_pb2.WorkflowEvaluation(
        name=found.name,
        workflow=convert.workflow_to_proto(found.workflow) if found.workflow else None,
        reward=convert.estimate_to_proto(found.reward),
        metrics=map(_metric_to_proto, found.metrics),
        valid_plan_rate=convert.estimate_to_proto(found.valid_plan_rate),
        plan_f1=convert.estimate_to_proto(found.plan_f1) if found.plan_f1 else None,
        missing=found.missing,
        tasks=map(_task_to_proto, result.tasks, found.scores),
        improvement=convert.improvement_to_proto(found.improvement) if found.improvement else None,
        pass_rate=convert.estimate_to_proto(found.pass_rate) if found.pass_rate else None,
        constraints=_measures_to_proto(found.constraints) if found.constraints else None,
        spent=convert.ledger_to_proto(found.spent),
        flags=map(convert.flag_to_proto, found.flags),
    )


def _measures_to_proto(found: Measures) -> run_pb2.ConstraintMeasures:
    return run_pb2.ConstraintMeasures(**asdict(found))


def _metric_to_proto(found: MetricEstimate) -> run_pb2.MetricEstimate:
    return run_pb2.MetricEstimate(
        metric=found.metric, reward=convert.estimate_to_proto(found.reward), tasks=found.tasks
    )


def _task_to_proto(task: MeasuredTask, score: Score | None) -> run_pb2.TaskEvaluation:
    message = run_pb2.TaskEvaluation(task=task.task, metric=task.metric)
    if score is not None:
        message.reward = score.reward
        message.plan_valid = score.plan_valid
        message.plan_f1 = score.plan_f1
        message.passed = score.passed
        message.verdicts.extend(map(_verdict_to_proto, score.evidence.verdicts if score.evidence else ()))
    return message


def _verdict_to_proto(verdict: Verdict) -> run_pb2.ConstraintVerdict:
    return run_pb2.ConstraintVerdict(
        constraint=verdict.constraint, kind=_KINDS[verdict.kind], holds=verdict.holds, reason=verdict.reason
    )
