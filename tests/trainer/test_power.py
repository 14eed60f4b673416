"""What a run can tell from chance, told when it is created."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from autoflow.methods import SHORTLIST
from autoflow.power import ASSUMED_SD, minimum_detectable_effect
from autoflow.testing.launcher import CoroutineLauncher
from autoflow.v1 import run_pb2, task_pb2, trainer_service_pb2, workflow_pb2
from tests.trainer.harness import WORKFLOW, Workers, optimization, trainer
from tests.trainer.matrices import matrix
from tests.trainer.suites import parts

INDEPENDENT = {task_pb2.SPLIT_VALIDATION: 25, task_pb2.SPLIT_TEST: 50}
"""Tasks of the planning suite: each is asked in three wordings, which count once."""


def evaluation(workflows: int, **changes: object) -> run_pb2.Run:
    run = run_pb2.Run()
    run.evaluation.suite = "planning"
    run.evaluation.split = task_pb2.SPLIT_VALIDATION
    run.evaluation.interpreter.model = "embedded"
    for number in range(workflows):
        run.evaluation.workflows.add(name=f"w{number}", workflow=workflow_pb2.Workflow(source=WORKFLOW))
    for name, value in changes.items():
        setattr(run.evaluation, name, value)
    return run


def compared(*, iterations: int = 0, candidates: int = 0) -> run_pb2.Run:
    """An optimisation with something to beat."""
    run = optimization(iterations=iterations, candidates=candidates)
    run.optimization.test.comparators.add(name="mine", workflow=workflow_pb2.Workflow(source=WORKFLOW))
    return run


@pytest.mark.parametrize(
    ("run", "tasks", "candidates"),
    [
        pytest.param(compared(), 25, SHORTLIST, id="optimisation"),
        pytest.param(compared(iterations=2, candidates=3), 25, 6, id="few-candidates"),
        pytest.param(evaluation(2), 25, 1, id="two-workflows"),
        pytest.param(evaluation(4), 25, 3, id="four-workflows"),
        pytest.param(evaluation(2, tasks=12), 10, 1, id="some-tasks"),
        pytest.param(evaluation(2, tasks=600), 25, 1, id="more-than-there-are"),
        pytest.param(matrix(), INDEPENDENT[task_pb2.SPLIT_TEST], 3, id="matrix"),
        pytest.param(matrix(split=task_pb2.SPLIT_VALIDATION), 25, 3, id="matrix-on-validation"),
    ],
)
async def test_it_follows_from_the_request_and_the_suite(
    tmp_path: Path, run: run_pb2.Run, tasks: int, candidates: int
) -> None:
    async with trainer(tmp_path, CoroutineLauncher(Workers().work)) as service:
        made = (await service.create(run)).power
    assert (made.tasks, made.candidates, made.assumed_sd) == (tasks, candidates, ASSUMED_SD)
    assert made.minimum_detectable_effect == minimum_detectable_effect(tasks, candidates=candidates)


@pytest.mark.parametrize(
    "run",
    [evaluation(1), matrix(["m"], ["m"]), optimization()],
    ids=["one-workflow", "one-pairing", "nothing-to-beat"],
)
async def test_a_run_that_compares_nothing_has_none(tmp_path: Path, run: run_pb2.Run) -> None:
    async with trainer(tmp_path, CoroutineLauncher(Workers().work)) as service:
        assert not (await service.create(run)).HasField("power")


async def test_it_stays_with_the_run(tmp_path: Path) -> None:
    request_id = str(uuid.uuid4())
    async with trainer(tmp_path, CoroutineLauncher(Workers().work)) as service:
        made = await service.create(compared(), request_id)
        again = await service.create(compared(), request_id)
        listed = await service.client.trainer.list_runs(trainer_service_pb2.ListRunsRequest())
        assert made.power == again.power == listed.runs[0].power == (await service.get(made.name)).power


async def test_what_a_caller_says_of_it_is_dropped(tmp_path: Path) -> None:
    run = compared()
    run.power.tasks = 10_000
    async with trainer(tmp_path, CoroutineLauncher(Workers().work)) as service:
        assert (await service.create(run)).power.tasks == 25


async def test_of_a_created_suite_it_is_known_without_its_tasks(tmp_path: Path) -> None:
    async with trainer(tmp_path, CoroutineLauncher(Workers().work)) as service:
        suite = (await service.client.trainer.create_suite(parts(), timeout=30)).suite
        run = compared()
        run.optimization.suite = suite.name
        power = (await service.create(run)).power
    assert (power.tasks, suite.validation_tasks) == (2, 2)
    assert power.minimum_detectable_effect > 1


async def test_of_tasks_that_share_nothing_as_many_count_as_are_drawn(tmp_path: Path) -> None:
    async with trainer(tmp_path, CoroutineLauncher(Workers().work)) as service:
        run = evaluation(2, suite="travel", tasks=7)
        assert (await service.create(run)).power.tasks == 7
