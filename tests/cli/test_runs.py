"""`autoflow runs` against a real trainer whose workers are real processes."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from autoflow.cli.console import Output
from autoflow.cli.runs.carrying import carry_out
from autoflow.cli.runs.commands import cancel_run, list_runs, show_run, watch_run
from autoflow.cli.runs.request import RunRequest, to_proto
from autoflow.methods import Method
from autoflow.v1 import run_pb2
from tests.cli import standin_worker
from tests.cli.harness import DEADLINE, ROOT, autoflow, called, finish, start
from tests.trainer.harness import Trainer, trainer

COMMAND = f"{sys.executable} {standin_worker.__file__}"
REQUEST = RunRequest(
    suite="planning", generator="embedded", interpreter="embedded", method=Method.RLOO, seed=0
)


@pytest.fixture
def how() -> str:
    """How the worker ends its run; a test that needs another way overrides it."""
    return "succeed"


@pytest.fixture
async def service(tmp_path: Path, how: str) -> AsyncIterator[Trainer]:
    env = {"CLI_WORKER": how, "PYTHONPATH": str(ROOT)}
    async with trainer(tmp_path, env=env, worker_command=COMMAND) as running:
        yield running


async def create(service: Trainer, capsys: pytest.CaptureFixture[str]) -> str:
    finished = await called(
        carry_out(to_proto(REQUEST), service.address, None, Output(), detach=True), capsys
    )
    assert finished.code == 0, finished.err
    return finished.out.strip()


async def test_a_run_is_created_as_it_was_asked_for(service: Trainer, tmp_path: Path) -> None:
    file = tmp_path / "mine.flow"
    file.write_text("Step 1:::terminal:::Tell.\n")
    finished = await autoflow(
        *("optimize", "--detach", "--trainer", service.address, "--method", "raft", "--seed", "4"),
        *("--iterations", "5", "--candidates", "3", "--compare", f"mine={file}"),
    )
    assert finished.code == 0
    assert f"runs watch {finished.out.strip()} --trainer {service.address}" in finished.err
    wanted = (await service.get(finished.out.strip())).optimization
    assert wanted.suite == "planning"
    assert (wanted.generator.model, wanted.interpreter.model) == ("embedded", "embedded")
    assert (wanted.method, wanted.seed) == (run_pb2.METHOD_RAFT, 4)
    assert (wanted.iterations, wanted.candidates) == (5, 3)
    assert [(item.name, item.workflow.source) for item in wanted.test.comparators] == [
        ("mine", "Step 1:::terminal:::Tell.\n")
    ]
    # The worker knows how many candidates the run drew, and draws no more for the control.
    assert (wanted.test.control_samples, wanted.test.policy_samples, wanted.test.policy_tasks) == (64, 48, 12)


async def test_a_run_is_watched_to_its_end_and_shown(
    service: Trainer, capsys: pytest.CaptureFixture[str]
) -> None:
    name = await create(service, capsys)
    watched = await autoflow("runs", "watch", name, env={"AUTOFLOW_TRAINER_ADDRESS": service.address})
    assert watched.code == 0
    assert "iteration 3  mean 0.40  max 0.60  valid 94%" in watched.err
    assert watched.err.splitlines()[-1] == "succeeded"
    words = " ".join(watched.out.split())
    assert f"run {name} state succeeded" in words
    assert "control 0.700 0.640 to 0.760 97% 0.700 best of 64 untrained" in words
    # An id alone is a name, too.
    shown = await called(show_run(service.address, name.removeprefix("runs/"), Output()), capsys)
    assert f"run {name} state succeeded" in " ".join(shown.out.split())


async def test_json_tells_every_iteration_once(service: Trainer, capsys: pytest.CaptureFixture[str]) -> None:
    name = await create(service, capsys)
    watched = await called(watch_run(service.address, name, Output(json=True)), capsys)
    assert (watched.code, watched.err) == (0, "")
    told = [iteration["index"] for update in watched.records for iteration in update["iterations"]]
    assert told == [0, 1, 2]
    last = watched.records[-1]
    assert (last["state"], last["ledger"]["usage"]["prompt_tokens"]) == ("RUN_STATE_SUCCEEDED", 5_000_000)
    shown = await called(show_run(service.address, name, Output(json=True)), capsys)
    assert [iteration["index"] for iteration in shown.document["iterations"]] == told


async def test_runs_are_listed_the_newest_first(service: Trainer, capsys: pytest.CaptureFixture[str]) -> None:
    empty = await called(list_runs(service.address, 20, Output()), capsys)
    assert (empty.code, empty.out, empty.err) == (0, "", "there are no runs\n")
    names = [await create(service, capsys) for _ in range(3)]
    listed = await called(list_runs(service.address, 20, Output()), capsys)
    assert [line.split()[0] for line in listed.out.splitlines()[1:]] == names[::-1]
    few = await called(list_runs(service.address, 2, Output(json=True)), capsys)
    assert [run["name"] for run in few.document["runs"]] == names[:0:-1]
    assert not any("iterations" in run for run in few.document["runs"])


@pytest.mark.parametrize("how", ["fail"])
async def test_a_run_that_fails_is_not_well(service: Trainer, capsys: pytest.CaptureFixture[str]) -> None:
    name = await create(service, capsys)
    watched = await called(watch_run(service.address, name, Output()), capsys)
    assert watched.code == 1
    assert r"the model\x1b[2J melted" in watched.out
    cancelled = await called(cancel_run(service.address, name, Output()), capsys)
    assert (cancelled.code, cancelled.out) == (1, f"{name} failed\n")


@pytest.mark.parametrize("how", ["wait"])
async def test_a_run_is_cancelled_while_somebody_watches(
    service: Trainer, capsys: pytest.CaptureFixture[str]
) -> None:
    name = await create(service, capsys)
    watching = await start("runs", "watch", name, "--json", "--trainer", service.address)
    await service.until(name, lambda run: run.progress.phase == "testing")
    cancelled = await called(cancel_run(service.address, name, Output(json=True)), capsys)
    assert (cancelled.code, cancelled.document["name"]) == (0, name)
    watched = await finish(watching)
    assert watched.code == 1
    assert watched.records[-1]["state"] == "RUN_STATE_CANCELLED"


@pytest.mark.parametrize("how", ["wait"])
async def test_interrupting_a_watch_leaves_the_run_as_it_is(
    service: Trainer, capsys: pytest.CaptureFixture[str]
) -> None:
    name = await create(service, capsys)
    watching = await start("runs", "watch", name, "--trainer", service.address)
    assert watching.stderr is not None
    async with asyncio.timeout(DEADLINE):
        assert await watching.stderr.readline()
    watching.send_signal(signal.SIGINT)
    finished = await finish(watching)
    assert (finished.code, "Traceback" in finished.err) == (130, False)
    assert (await service.get(name)).state in (run_pb2.RUN_STATE_PENDING, run_pb2.RUN_STATE_RUNNING)


async def test_a_run_that_is_not_there_is_wrong_usage(
    service: Trainer, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in (show_run, watch_run, cancel_run):
        missing = await called(command(service.address, "0123", Output()), capsys)
        assert (missing.code, "there is no run `runs/0123`" in missing.error) == (2, True)


@pytest.mark.parametrize("name", ["", "runs/", "No Such", "suites/planning"])
async def test_what_is_no_name_is_told_in_words(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    malformed = await called(show_run("127.0.0.1:1", name, Output()), capsys)
    assert malformed.code == 2
    rule = "it reads runs/ID, or ID alone, of small letters, digits and -"
    assert malformed.error == f"autoflow: {name!r} is no name of a run: {rule}"


async def test_a_request_that_the_trainer_refuses_is_wrong_usage(
    service: Trainer, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = replace(REQUEST, comparators={"mine": "Step 1:::process:::a:::next::Step 2\n"})
    refused = await called(carry_out(to_proto(broken), service.address, None, Output()), capsys)
    assert (refused.code, "unknown-target" in refused.error) == (2, True)
    # The server's message names the field, and it is not said twice.
    malformed = await called(
        carry_out(to_proto(replace(REQUEST, suite="No Such")), service.address, None, Output()), capsys
    )
    assert (malformed.code, malformed.error.count("must read [suites/]ID")) == (2, 1)


async def test_a_comparator_has_a_file_after_its_name() -> None:
    finished = await autoflow("optimize", "--compare", "mine=")
    assert (finished.code, finished.error) == (2, "autoflow: mine=: it reads NAME=FILE")


async def test_where_no_trainer_answers_the_command_says_what_to_do() -> None:
    finished = await autoflow("runs", "list", "--trainer", "127.0.0.1:1")
    assert finished.code == 3
    assert finished.error.startswith("autoflow: no trainer answers at 127.0.0.1:1: start it by `autoflow up`")
