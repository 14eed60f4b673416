"""`autoflow evaluate` and what the other commands say of evaluations."""

from __future__ import annotations

import re
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from autoflow.cli.budget import read_budget
from autoflow.cli.console import Output
from autoflow.cli.evaluation.request import EvaluationRequest, to_proto
from autoflow.cli.evaluation.table import evaluation_view
from autoflow.cli.runs.carrying import carry_out, fetch_report, unfinished
from autoflow.cli.runs.commands import list_runs, show_run, watch_run
from autoflow.cli.runs.tables import run_view, runs_table
from autoflow.methods import Reward
from autoflow.suites import Split
from autoflow.testing.launcher import CoroutineLauncher
from autoflow.v1 import run_pb2, task_pb2
from tests.cli import evaluations, standin_worker
from tests.cli.harness import ROOT, autoflow, called
from tests.cli.test_results import flat, text_of
from tests.trainer.harness import Trainer, Workers, trainer
from tests.trainer.hold import Hold

COMMAND = f"{sys.executable} {standin_worker.__file__}"
REQUEST = EvaluationRequest(
    suite="planning", split=Split.VALIDATION, workflows={"mine": evaluations.SOURCE}, interpreter="embedded"
)
TABLE = """\
On 48 test tasks of planning

                CLIP Score  BERT Score  ViT Score    average  valid plans
baseline             0.500       0.600      0.700      0.600          90%
                 0.45-0.55   0.55-0.65  0.65-0.75  0.56-0.64       88-92%
a-rather-long-       0.600       0.700      0.800      0.700          95%
name             0.55-0.65   0.65-0.75  0.75-0.85  0.66-0.74       93-97%
reference            0.800       0.900      1.000      0.900         100%
                 0.75-0.85   0.85-0.95  0.95-1.00  0.86-0.94      98-100%

Tasks by metric: CLIP Score 16, BERT Score 16, ViT Score 16. Below each mean is
its 95% interval over tasks; `reference` are the reference plans themselves.
a-rather-long-name over baseline, paired by task: +0.100 (+0.070 to +0.130),
+17%.
reference over baseline, paired by task: +0.300 (+0.270 to +0.330), +50%.
4,321 executions, 99 spared by the cache, 30,000 model calls, 5,400,000 tokens,
4:00 of wall time.
Missing for a-rather-long-name because the infrastructure failed, and counted
nowhere: 2 of 48 tasks.
This suite's test split was opened 2 times here, this time included.
"""


@pytest.fixture
def how() -> str:
    """How the worker ends its run; a test that needs another way overrides it."""
    return "succeed"


@pytest.fixture
async def service(tmp_path: Path, how: str) -> AsyncIterator[Trainer]:
    env = {"CLI_WORKER": how, "PYTHONPATH": str(ROOT)}
    async with trainer(tmp_path, env=env, worker_command=COMMAND) as running:
        yield running


def test_a_table_fits_eighty_columns() -> None:
    shown = re.sub(" +$", "", text_of(evaluation_view(evaluations.evaluated())), flags=re.MULTILINE)
    assert shown == TABLE


def test_executions_that_ended_at_a_limit_are_told() -> None:
    run = evaluations.evaluated()
    run.evaluation_result.workflows[0].spent.limited = 3
    assert "3 executions of baseline ended at a limit on steps" in flat(evaluation_view(run))


def test_hostile_names_cannot_repaint_the_terminal() -> None:
    run = evaluations.evaluated()
    run.evaluation_result.workflows[0].name = "\x1b[2J"
    run.evaluation_result.workflows[0].metrics[0].metric = "\x1b[31m"
    run.evaluation_result.workflows[1].improvement.over = "\x1b[2J"
    assert "\x1b" not in text_of(evaluation_view(run))


def test_runs_of_both_kinds_are_shown() -> None:
    run = evaluations.evaluated()
    assert "runs/0123456789abcdef succeeded evaluation planning" in flat(runs_table([run]))
    shown = flat(run_view(run, 80))
    for part in (
        "method evaluation, seed 7",
        "split test workflows baseline, a-rather-long-name interpreter embedded",
        "mean 0.65 of 3 batches",
        "On 48 test tasks of planning",
    ):
        assert part in shown
    assert "generator" not in shown


def test_a_request_says_all_that_was_asked_for() -> None:
    request = replace(
        REQUEST,
        split=Split.TEST,
        reward=Reward.PLAN,
        tasks=5,
        samples=3,
        seed=4,
        temperature=0.5,
        repeats=4,
        budget=read_budget(["executions=10,tokens=1k", "time=90s"]),
    )
    run = to_proto(request)
    wanted = run.evaluation
    assert (wanted.suite, wanted.split) == ("planning", task_pb2.SPLIT_TEST)
    assert (wanted.reward, wanted.tasks, wanted.samples, wanted.seed) == (run_pb2.REWARD_PLAN, 5, 3, 4)
    assert [(item.name, item.workflow.source) for item in wanted.workflows] == [("mine", evaluations.SOURCE)]
    assert (run.budget.max_executions, run.budget.max_tokens) == (10, 1000)
    assert run.budget.max_wall_time.ToMilliseconds() == 90_000
    assert (wanted.temperature, wanted.repeats) == (0.5, 4)
    assert not to_proto(REQUEST).HasField("budget")


async def test_an_evaluation_is_done_by_a_trainer_and_its_page_is_saved(
    service: Trainer, tmp_path: Path
) -> None:
    file = tmp_path / "mine.flow"
    file.write_text(evaluations.SOURCE)
    page = tmp_path / "report.html"
    finished = await autoflow(
        *("evaluate", str(file), "--with", "baseline", "--split", "test", "--tasks", "5", "--seed", "4"),
        *("--budget", "tokens=1000", "--out", str(page), "--trainer", service.address),
    )
    assert finished.code == 0, finished.err
    assert finished.out.startswith("On 48 test tasks of planning")
    assert "batch 3  mean 0.40  max 0.60  2.0 s" in finished.err
    assert page.read_bytes() == evaluations.PAGE
    name = re.findall(r"runs/[a-z0-9]+", finished.err)[0]
    wanted = await service.get(name)
    assert [item.name for item in wanted.evaluation.workflows] == ["baseline", "mine"]
    assert (wanted.evaluation.tasks, wanted.evaluation.samples, wanted.budget.max_tokens) == (5, 8, 1000)
    # What suits the suite is for the trainer to know.
    assert wanted.evaluation.reward == run_pb2.REWARD_UNSPECIFIED


async def test_an_evaluation_can_be_looked_at_later(
    service: Trainer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = await called(carry_out(to_proto(REQUEST), service.address, None, Output(json=True)), capsys)
    assert done.code == 0, done.err
    name = done.document["name"]
    assert done.document["evaluation_result"]["workflows"][0]["reward"]["mean"] == pytest.approx(0.6)
    page = tmp_path / "report.html"
    assert (await called(fetch_report(service.address, name, page, Output()), capsys)).code == 0
    assert page.read_bytes() == evaluations.PAGE
    told = await called(fetch_report(service.address, name, page, Output(json=True)), capsys)
    assert told.document == {"run": name, "file": str(page), "bytes": len(evaluations.PAGE)}
    listed = await called(list_runs(service.address, 5, Output()), capsys)
    assert "evaluation" in listed.out
    for look in (show_run, watch_run):
        shown = await called(look(service.address, name, Output()), capsys)
        assert "On 48 validation tasks of planning" in shown.out


@pytest.mark.parametrize("how", ["fail"])
async def test_an_evaluation_that_fails_says_why(
    service: Trainer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "report.html"
    failed = await called(carry_out(to_proto(REQUEST), service.address, page, Output()), capsys)
    assert failed.code == 1
    assert r"the model\x1b[2J melted" in failed.error
    assert not page.exists()
    name = re.findall(r"runs/[a-z0-9]+", failed.err)[0]
    refused = await called(fetch_report(service.address, name, page, Output()), capsys)
    assert refused.code == 2
    assert not page.exists()


async def test_without_a_trainer_all_services_start_in_the_command(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    env = {
        "CLI_WORKER": "succeed",
        "AUTOFLOW_WORKER_COMMAND": COMMAND,
        "AUTOFLOW_DATABASE_URL": "theirs://db",
    }
    finished = await autoflow(
        *("evaluate", "--with", "expert", "--local", "--data", str(tmp_path / "data"), "--out", str(page)),
        env=env,
    )
    assert finished.code == 0, finished.err
    assert finished.out.startswith("On 48 validation tasks of planning")
    assert page.read_bytes() == evaluations.PAGE
    assert (tmp_path / "data" / "evaluate" / "services.log").stat().st_size


@pytest.mark.parametrize("how", ["wait"])
async def test_an_interrupted_evaluation_is_found_again_and_what_stands_in_its_way_is_cancelled(
    service: Trainer, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = to_proto(REQUEST)
    assert await unfinished(service.client.trainer, wanted, Output()) == ""
    mine = await service.create(wanted)
    others = [await service.create(to_proto(replace(REQUEST, seed=seed))) for seed in (1, 2)]
    assert await unfinished(service.client.trainer, wanted, Output()) == mine.name
    told = capsys.readouterr().err
    for other in others:
        assert f"{other.name}, another evaluation that was interrupted, is cancelled" in told
        assert (await service.until_final(other.name)).state == run_pb2.RUN_STATE_CANCELLED
    assert (await service.get(mine.name)).state in (run_pb2.RUN_STATE_PENDING, run_pb2.RUN_STATE_RUNNING)
    budgeted = to_proto(replace(REQUEST, budget=run_pb2.Budget(max_tokens=5)))
    assert await unfinished(service.client.trainer, budgeted, Output()) == ""
    assert (await service.until_final(mine.name)).state == run_pb2.RUN_STATE_CANCELLED


async def test_an_evaluation_that_is_being_cancelled_is_not_gone_on_with(tmp_path: Path) -> None:
    wanted, workers = to_proto(REQUEST), Workers()
    async with trainer(tmp_path, CoroutineLauncher(workers.work)) as service:
        created = await service.create(wanted)
        _, token, _ = await workers.next()
        async with service.worker(token) as client:
            # Its worker has not heard of it yet.
            await Hold(client, created.name).lease()
            assert (await service.cancel(created.name)).state == run_pb2.RUN_STATE_CANCELLING
            assert await unfinished(service.client.trainer, wanted, Output()) == ""


async def test_a_workflow_with_lint_errors_is_refused(
    service: Trainer, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = replace(REQUEST, workflows={"mine": "Step 1:::process:::Go.:::next::Step 9"})
    refused = await called(carry_out(to_proto(broken), service.address, None, Output()), capsys)
    assert refused.code == 2
    assert "'mine' cannot be executed" in refused.error


async def test_no_trainer_is_said_so(capsys: pytest.CaptureFixture[str]) -> None:
    finished = await called(carry_out(to_proto(REQUEST), "127.0.0.1:1", None, Output()), capsys)
    assert finished.code == 3
    assert "autoflow up" in finished.error
