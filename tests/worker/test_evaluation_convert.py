"""What an evaluation is asked for, and what it tells, as messages."""

from __future__ import annotations

import pytest

from autoflow.errors import InvalidArgument
from autoflow.methods import Reward
from autoflow.server import ServerSettings
from autoflow.suites import Split
from autoflow.v1 import run_pb2, task_pb2, workflow_pb2
from autoflow_worker.evaluation.convert import result_to_proto, spec_from_proto
from autoflow_worker.evaluation.shelf import MeasuredTask
from autoflow_worker.evaluation.table import EvaluationResult, WorkflowEvaluation, evaluations, table_of
from autoflow_worker.ledger import Budget
from autoflow_worker.ports import Evidence, Score
from autoflow_worker.statistics import Estimate
from tests.worker.doubles import workflow
from tests.worker.evaluations import RIGHT, evaluation


def asked_for(source: str = workflow(RIGHT).text) -> run_pb2.Run:
    run = run_pb2.Run()
    run.evaluation.suite = "suites/planning"
    run.evaluation.split = task_pb2.SPLIT_TEST
    run.evaluation.interpreter.model = "embedded"
    run.evaluation.workflows.add(name="mine", workflow=workflow_pb2.Workflow(source=source))
    return run


def test_what_is_not_said_has_a_default() -> None:
    spec = spec_from_proto(asked_for())
    assert (spec.split, spec.interpreter, spec.interpreter_adapter) == (Split.TEST, "embedded", "")
    assert (spec.reward, spec.tasks, spec.samples, spec.seed) == (Reward.EXECUTED, 0, 8, 0)
    assert (spec.temperature, spec.repeats, spec.seeds) == (0, 1, (0,))
    assert spec.budget == Budget()
    assert spec.names == ("mine", "reference")
    assert spec.workflows[0].workflow == workflow(RIGHT)


def test_what_is_said_is_taken() -> None:
    run = asked_for()
    run.evaluation.interpreter.adapter = "sha256:" + "0" * 64
    run.evaluation.reward = run_pb2.REWARD_PLAN
    run.evaluation.tasks, run.evaluation.samples, run.evaluation.seed = 5, 3, 7
    run.evaluation.temperature, run.evaluation.repeats = 0.5, 4
    run.budget.max_executions, run.budget.max_llm_calls, run.budget.max_tokens = 1, 2, 3
    run.budget.max_wall_time.FromSeconds(4)
    spec = spec_from_proto(run)
    assert spec.interpreter_adapter == "sha256:" + "0" * 64
    assert (spec.reward, spec.tasks, spec.samples, spec.seed) == (Reward.PLAN, 5, 3, 7)
    assert (spec.temperature, spec.repeats) == (0.5, 4)
    assert spec.budget == Budget(1, 2, 3, 4.0)


def test_a_workflow_with_lint_errors_is_named() -> None:
    with pytest.raises(InvalidArgument, match="mine has lint errors") as refused:
        spec_from_proto(asked_for("Step 1:::process:::Go.:::next::Step 9"))
    assert refused.value.field == "run.evaluation.workflows"


def test_a_result_tells_everything_task_by_task() -> None:
    tasks = [
        MeasuredTask("t0", "clip", (Score(True, 0.5, 0.25, Evidence("said")), Score(True, 1.0))),
        MeasuredTask("t1", "vit", (None, Score(True, 1.0))),
    ]
    result = EvaluationResult(
        evaluations(evaluation(RIGHT), table_of(evaluation(RIGHT), tasks)),
        tuple(tasks),
        3,
        "sha256:5",
        "sha256:b",
    )
    message = result_to_proto(result)
    assert (message.test_openings, message.suite_digest, message.page) == (3, "sha256:5", "sha256:b")
    mine, reference = message.workflows
    assert (mine.workflow.source, mine.missing) == (workflow(RIGHT).text, 1)
    assert not mine.HasField("improvement")
    assert list(mine.tasks) == [
        run_pb2.TaskEvaluation(
            task="t0", metric="clip", reward=0.5, plan_valid=True, plan_f1=0.25, answer="said"
        ),
        run_pb2.TaskEvaluation(task="t1", metric="vit"),
    ]
    assert not mine.tasks[1].HasField("reward")
    assert not reference.HasField("workflow")
    assert reference.improvement == run_pb2.Improvement(
        over="w0", absolute=run_pb2.Estimate(mean=0.5, ci95_low=0.5, ci95_high=0.5), relative=1.0
    )


def large(tasks: int, task_id: str, answer: str) -> EvaluationResult:
    """The result of as many workflows as there may be."""
    measured = MeasuredTask(task_id, "bertscore", (Score(True, 0.5, 0.25, Evidence(answer)),) * 17)
    mean = Estimate(0.5, 0.25, 0.75)
    workflows = [
        WorkflowEvaluation(f"w{number}", None, mean, (), mean, mean, 0, measured.scores[:1] * tasks, None)
        for number in range(17)
    ]
    return EvaluationResult(tuple(workflows), (measured,) * tasks, 0, "", "")


@pytest.mark.parametrize("tasks", [500, 10_000])
def test_the_largest_result_can_be_carried(tasks: int) -> None:
    # Characters of four bytes each; 80 of them are the longest id of a task.
    message = result_to_proto(large(tasks, "\N{GRINNING FACE}" * 80, "\N{GRINNING FACE}" * 500))
    assert message.ByteSize() < ServerSettings().max_message_bytes - 2 * 2**20
    assert all(len(workflow.tasks) == tasks for workflow in message.workflows)


def test_answers_are_cut_between_characters_to_what_there_is_room_for() -> None:
    message = result_to_proto(large(1_000, "t", "\N{GRINNING FACE}" * 500))
    answer = message.workflows[0].tasks[0].answer
    assert answer.strip("\N{GRINNING FACE}") == "…"
    sizes = [len(task.answer.encode()) for workflow in message.workflows for task in workflow.tasks]
    assert 6 * 2**20 < sum(sizes) <= 8 * 2**20
    whole = result_to_proto(large(100, "t", "\N{GRINNING FACE}" * 500)).workflows[0].tasks[0]
    assert whole.answer == "\N{GRINNING FACE}" * 500
