"""What a request must be, over the wire."""

from __future__ import annotations

import uuid
from pathlib import Path

import grpc
import pytest

from autoflow.client import errors
from autoflow.testing.launcher import CoroutineLauncher
from autoflow.v1 import run_pb2, task_pb2, trainer_service_pb2, workflow_pb2
from autoflow.v1.trainer_service_pb2_grpc import TrainerServiceStub
from tests.trainer.harness import DEADLINE, WORKFLOW, Trainer, Workers, optimization, trainer
from tests.trainer.matrices import matrix
from tests.trainer.suites import changed


def with_comparators(*named: tuple[str, str]) -> run_pb2.Run:
    run = optimization()
    for name, source in named:
        run.optimization.test.comparators.add(name=name, workflow=workflow_pb2.Workflow(source=source))
    return run


def with_adapter() -> run_pb2.Run:
    run = optimization()
    run.optimization.generator.adapter = "sha256:" + "0" * 64
    return run


def evaluation(
    suite: str,
    split: task_pb2.Split.ValueType = task_pb2.SPLIT_TEST,
    reward: run_pb2.Reward.ValueType = run_pb2.REWARD_UNSPECIFIED,
) -> run_pb2.Run:
    run = run_pb2.Run()
    run.evaluation.reward = reward
    run.evaluation.suite = suite
    run.evaluation.split = split
    run.evaluation.interpreter.model = "embedded"
    run.evaluation.workflows.add(name="mine", workflow=workflow_pb2.Workflow(source=WORKFLOW))
    return run


def in_context(method: run_pb2.Method.ValueType = run_pb2.METHOD_REFLECTIVE, **lora: int) -> run_pb2.Run:
    """An optimisation that trains nothing, with an adapter that is there already."""
    run = with_adapter()
    run.optimization.method = method
    for name, value in lora.items():
        setattr(run.optimization.lora, name, value)
    return run


def repeated(temperature: float) -> run_pb2.Run:
    run = evaluation("planning")
    run.evaluation.repeats, run.evaluation.temperature = 3, temperature
    return run


BROKEN = "Step 1:::process:::Name the input.:::next::Nowhere"
REFUSED = [
    pytest.param(
        optimization(method=run_pb2.METHOD_REINFORCE, candidates=2),
        "run.optimization.candidates",
        "rloo",
        id="reinforce-with-candidates",
    ),
    pytest.param(
        optimization(method=run_pb2.METHOD_HISTORY, candidates=2),
        "run.optimization.candidates",
        "take the method `reflective`",
        id="history-with-candidates",
    ),
    pytest.param(
        in_context(rank=8), "run.optimization.lora", "leave the settings out", id="lora-without-training"
    ),
    pytest.param(repeated(0.0), "run.evaluation.repeats", "set a temperature above 0", id="greedy-repeats"),
    pytest.param(
        matrix(generators=["m1", "m2", "m1"]),
        "run.matrix.generators[2]",
        "name every model once",
        id="a-generator-twice",
    ),
    pytest.param(
        matrix(interpreters=["m1", "m1"]), "run.matrix.interpreters[1]", "'m1'", id="an-interpreter-twice"
    ),
    pytest.param(
        matrix(method=run_pb2.METHOD_HISTORY, candidates=4),
        "run.matrix.candidates",
        "one candidate",
        id="matrix-of-history-with-candidates",
    ),
    pytest.param(matrix(method=run_pb2.METHOD_RLOO), "run.matrix.method", "", id="matrix-that-trains"),
    pytest.param(
        matrix(suite="travel", reward=run_pb2.REWARD_PLAN),
        "run.matrix.reward",
        "the suite judges answers",
        id="matrix-of-plans-where-a-judge-is",
    ),
    pytest.param(optimization(candidates=1), "run.optimization.candidates", "reinforce", id="rloo-with-one"),
    pytest.param(with_adapter(), "run.optimization.generator.adapter", "leave", id="adapter"),
    pytest.param(
        with_comparators(("good", WORKFLOW), ("broken", BROKEN)),
        "run.optimization.test.comparators[1].workflow.source",
        "Nowhere",
        id="broken-comparator",
    ),
    pytest.param(
        with_comparators(("same", WORKFLOW), ("same", WORKFLOW)),
        "run.optimization.test.comparators[1].name",
        "same",
        id="two-of-a-name",
    ),
    pytest.param(optimization(iterations=10_001), "run.optimization.iterations", "10000", id="contract"),
    pytest.param(
        evaluation("travel", reward=run_pb2.REWARD_EXECUTED),
        "run.evaluation.reward",
        "leave it out, or take `judged`",
        id="executed-where-a-judge-is",
    ),
    pytest.param(
        optimization(suite="travel", reward=run_pb2.REWARD_PLAN),
        "run.optimization.reward",
        "the suite judges answers by constraints",
        id="plans-where-a-judge-is",
    ),
    pytest.param(
        evaluation("suites/planning", reward=run_pb2.REWARD_JUDGED),
        "run.evaluation.reward",
        "leave it out, or take `plan` or `executed`",
        id="judged-where-no-judge-is",
    ),
    pytest.param(
        optimization(reward=run_pb2.REWARD_JUDGED),
        "run.optimization.reward",
        "nobody who judges",
        id="learning-from-no-judge",
    ),
]


@pytest.mark.parametrize(("run", "field", "words"), REFUSED)
async def test_a_wrong_field_is_named(tmp_path: Path, run: run_pb2.Run, field: str, words: str) -> None:
    async with trainer(tmp_path, CoroutineLauncher(Workers().work)) as service:
        with pytest.raises(errors.InvalidArgument) as refused:
            await service.create(run)
        [violation] = refused.value.details.violations
        assert violation.field == field
        assert words in violation.description
        assert await names(service) == []


async def test_an_unknown_suite_is_not_found(tmp_path: Path) -> None:
    async with trainer(tmp_path, CoroutineLauncher(Workers().work)) as service:
        with pytest.raises(errors.NotFound, match="planning"):
            await service.create(optimization(suite="unheard-of"))


async def test_a_run_is_refused_whose_suite_has_no_tasks_for_it(tmp_path: Path) -> None:
    # Head and end stay, and five parts of each split come between.
    without_test = changed(drop=tuple(range(11, 16)))
    async with trainer(tmp_path, CoroutineLauncher(Workers().work)) as service:
        made = (await service.client.trainer.create_suite(without_test)).suite
        assert (made.train_tasks, made.validation_tasks, made.test_tasks) == (2, 2, 0)
        for run, field, said in (
            (
                evaluation(made.name, task_pb2.SPLIT_TEST),
                "run.evaluation.split",
                "take `train` or `validation`",
            ),
            (optimization(suite=made.name), "run.optimization.suite", "no tasks in `test`"),
            (matrix(suite=made.name), "run.matrix.suite", "no tasks in `test`"),
        ):
            with pytest.raises(errors.InvalidArgument) as refused:
                await service.create(run)
            [violation] = refused.value.details.violations
            assert violation.field == field
            assert said in violation.description
        assert await names(service) == []
        assert (await service.create(evaluation(made.name, task_pb2.SPLIT_VALIDATION))).name
        assert (await service.create(matrix(suite=made.name, split=task_pb2.SPLIT_VALIDATION))).name


@pytest.mark.parametrize(
    "run",
    [
        *(
            pytest.param(in_context(method), id=f"{run_pb2.Method.Name(method)}-with-an-adapter")
            for method in (run_pb2.METHOD_HISTORY, run_pb2.METHOD_REFLECTIVE, run_pb2.METHOD_RANDOM)
        ),
        pytest.param(repeated(0.7), id="repeats-with-a-temperature"),
        pytest.param(optimization(register_as="planner"), id="winner-that-is-registered"),
        pytest.param(matrix(), id="matrix"),
        pytest.param(matrix(suite="travel"), id="matrix-with-a-judge"),
    ],
)
async def test_what_a_worker_could_serve_is_accepted_and_comes_back(tmp_path: Path, run: run_pb2.Run) -> None:
    run.budget.max_cost_usd = 2.5
    async with trainer(tmp_path, CoroutineLauncher(Workers().work)) as service:
        created = await service.create(run)
        for kind in ("optimization", "evaluation", "matrix", "budget"):
            assert getattr(created, kind) == getattr(run, kind)


@pytest.mark.parametrize("candidates", [0, 1])
async def test_reinforce_with_its_one_candidate_is_accepted(tmp_path: Path, candidates: int) -> None:
    async with trainer(tmp_path, CoroutineLauncher(Workers().work)) as service:
        run = await service.create(optimization(method=run_pb2.METHOD_REINFORCE, candidates=candidates))
        assert run.state == run_pb2.RUN_STATE_PENDING


async def test_a_run_comes_back_as_it_was_asked_for(tmp_path: Path) -> None:
    wanted = with_comparators(("manual", WORKFLOW))
    wanted.optimization.interpreter.adapter = "sha256:" + "1" * 64
    wanted.optimization.lora.rank = 8
    wanted.budget.max_executions = 1000
    wanted.budget.max_wall_time.FromSeconds(600)
    sent = run_pb2.Run()
    sent.CopyFrom(wanted)
    # Output only, and so of no account.
    sent.name = "runs/mine"
    sent.state = run_pb2.RUN_STATE_SUCCEEDED
    sent.optimization_result.ceiling = 1.0
    sent.iterations.add(index=0)
    sent.optimization.test.comparators[0].workflow.digest = "sha256:made-up"
    async with trainer(tmp_path, CoroutineLauncher(Workers().work)) as service:
        created = await service.create(sent)
        assert created.name.startswith("runs/")
        assert created.name != "runs/mine"
        assert created.optimization == wanted.optimization
        assert created.budget == wanted.budget
        assert created.state == run_pb2.RUN_STATE_PENDING
        assert created.HasField("create_time")
        assert not created.iterations
        assert not created.HasField("optimization_result")
        assert (await service.get(created.name)).optimization == wanted.optimization


async def test_no_more_than_so_many_runs_may_wait(tmp_path: Path) -> None:
    workers = Workers()
    async with trainer(tmp_path, CoroutineLauncher(workers.work), max_waiting_runs=2) as service:
        request_id = str(uuid.uuid4())
        first = await service.create(request_id=request_id)
        second = await service.create()
        # By a channel without retries, for the client would come again when it is told to.
        async with grpc.aio.insecure_channel(service.address) as channel:
            request = trainer_service_pb2.CreateRunRequest(run=optimization())
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await TrainerServiceStub(channel).CreateRun(request, timeout=DEADLINE)
        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        # A repeated request is answered even so, and a place that is given up can be taken.
        assert (await service.create(request_id=request_id)).name == first.name
        await service.cancel(second.name)
        await service.create()


async def names(service: Trainer) -> list[str]:
    response = await service.client.trainer.list_runs(trainer_service_pb2.ListRunsRequest())
    return [run.name for run in response.runs]


async def test_a_suite_with_a_judge_needs_no_word_of_it(tmp_path: Path) -> None:
    async with trainer(tmp_path, CoroutineLauncher(Workers().work)) as service:
        for reward in (run_pb2.REWARD_UNSPECIFIED, run_pb2.REWARD_JUDGED):
            for run in (evaluation("travel", reward=reward), optimization(suite="travel", reward=reward)):
                assert (await service.create(run)).state == run_pb2.RUN_STATE_PENDING
        judged = {}
        for name in ("suites/planning", "suites/travel"):
            request = trainer_service_pb2.GetSuiteRequest(name=name)
            judged[name] = (await service.client.trainer.get_suite(request)).suite.judged
    assert judged == {"suites/planning": False, "suites/travel": True}
