"""`autoflow demo` with all services and a worker process that learns nothing: everything but the learning."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path

from autoflow.cli.demo.command import demo_request
from autoflow.cli.demo.folder import DemoFolder
from autoflow.cli.results.convert import summary_from_run
from autoflow.cli.runs.request import to_proto
from autoflow.cli.runtime import own_environment
from autoflow.language import check, to_mermaid
from autoflow.methods import Method
from autoflow.suites import workflow_text
from tests.cli import messages, standin_worker
from tests.cli.harness import DEADLINE, autoflow, finish, start


def environment(how: str) -> dict[str, str]:
    return {
        "AUTOFLOW_PRELOAD_MODELS": "none",
        "AUTOFLOW_WORKER_COMMAND": f"{sys.executable} {standin_worker.__file__}",
        "CLI_WORKER": how,
    }


def test_the_demo_s_run_is_what_the_figures_are_about() -> None:
    run = to_proto(demo_request(Method.RAFT, 5, 0, 0)).optimization
    assert (run.suite, run.generator.model, run.interpreter.model) == ("planning", "embedded", "embedded")
    assert [(item.name, item.workflow.source) for item in run.test.comparators] == [
        ("baseline", workflow_text("baseline")),
        ("expert", workflow_text("expert")),
    ]
    assert (run.test.control_samples, run.test.policy_samples, run.test.policy_tasks) == (64, 48, 12)
    assert (run.seed, run.iterations, run.candidates) == (5, 0, 0)


def test_a_demo_keeps_to_its_folder_whatever_the_environment_says(tmp_path: Path) -> None:
    given = {
        "AUTOFLOW_ARTIFACTS": "s3://theirs",
        "AUTOFLOW_DATABASE_URL": "postgresql://theirs",
        "AUTOFLOW_TRAINER_DATA": "/theirs",
        "AUTOFLOW_THREADS": "2",
        "PATH": "/bin",
    }
    made = own_environment(tmp_path, given)
    assert not any("theirs" in value for value in made.values())
    assert made["AUTOFLOW_ARTIFACTS"].startswith(str(tmp_path))
    assert (made["AUTOFLOW_THREADS"], made["PATH"]) == ("2", "/bin")


async def test_a_demo_prints_and_saves_what_the_run_found(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    finished = await autoflow("demo", "--out", str(out), "--seed", "3", env=environment("succeed"))
    assert finished.code == 0, finished.err
    assert "iteration 3  mean 0.40" in finished.err
    assert "\x1b" not in finished.out + finished.err
    assert max(map(len, finished.out.splitlines()[6:-1])) <= 80
    assert finished.out.startswith(messages.WINNER)
    summary = json.loads((out / "summary.json").read_text())
    assert (summary["seed"], summary["method"], summary["control_samples"]) == (3, "rloo", 64)
    assert summary["best"]["test_mean"] == 0.85
    assert summary["wall_seconds"] > 0
    assert len(summary["iterations"]) == standin_worker.ITERATIONS
    winner = check(messages.WINNER).workflow
    assert winner is not None
    assert (out / "winner.flow").read_text() == winner.text
    assert (out / "winner.mmd").read_text() == to_mermaid(winner)
    assert (out / "reward.png").read_bytes().startswith(b"\x89PNG")
    assert (out / "worker.log").read_text() == "a line of the worker's log\n"
    assert json.loads((out / "run.json").read_text())["state"] == "RUN_STATE_SUCCEEDED"
    assert '"event": "stopped"' in (out / "services.log").read_text()


async def test_a_run_that_fails_is_told_with_its_reason_and_its_log(tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_text("of an earlier demo")
    finished = await autoflow("demo", "--out", str(tmp_path), "--json", env=environment("fail"))
    assert (finished.code, finished.out) == (1, "")
    assert finished.error == (
        rf"autoflow: the run did not succeed: the model\x1b[2J melted (log: {tmp_path / 'worker.log'})"
    )
    assert (tmp_path / "worker.log").is_file()
    assert json.loads((tmp_path / "run.json").read_text())["state"] == "RUN_STATE_FAILED"
    # Nothing old passes for new.
    assert not (tmp_path / "summary.json").exists()


async def test_an_interrupted_demo_leaves_nothing_that_the_next_one_waits_for(tmp_path: Path) -> None:
    process = await start("demo", "--out", str(tmp_path), env=environment("wait"))
    assert process.stderr is not None
    async with asyncio.timeout(DEADLINE):
        while b"testing" not in await process.stderr.readline():
            pass
    process.send_signal(signal.SIGTERM)
    interrupted = await finish(process)
    assert (interrupted.code, "Traceback" in interrupted.err) == (143, False)
    assert (tmp_path / "run.json").is_file()
    finished = await autoflow("demo", "--out", str(tmp_path), "--json", env=environment("succeed"))
    assert finished.code == 0, finished.err
    assert finished.document["best"]["test_mean"] == 0.85


async def test_a_demo_that_takes_too_long_is_cancelled(tmp_path: Path) -> None:
    finished = await autoflow("demo", "--out", str(tmp_path), "--timeout", "3", env=environment("wait"))
    assert finished.code == 1
    assert finished.error == "autoflow: the run was not over after 3 s and was cancelled"


async def test_a_folder_that_cannot_be_written_is_told() -> None:
    finished = await autoflow("demo", "--out", "/proc/nowhere")
    assert finished.code == 3
    assert "/proc/nowhere" in finished.error


def test_a_winner_without_a_step_is_saved_all_the_same(tmp_path: Path) -> None:
    run = messages.succeeded()
    run.optimization_result.winner.source = "nothing"
    folder = DemoFolder(tmp_path)
    folder.save_results(summary_from_run(run))
    assert folder.winner.read_text() == "nothing"
    assert not folder.diagram.exists()
