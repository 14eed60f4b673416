"""Workers as real processes, and what happens when they or the service end."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import stat
import sys
from pathlib import Path

import pytest

from autoflow.v1 import run_pb2
from autoflow_trainer.subprocess_launcher import worker_environment
from tests.trainer import standin_worker
from tests.trainer.harness import DEADLINE, Trainer, trainer

ROOT = Path(__file__).resolve().parents[2]
COMMAND = f"{sys.executable} {standin_worker.__file__}"


@pytest.fixture
def standin(tmp_path: Path) -> Path:
    folder = tmp_path / "standin"
    folder.mkdir()
    return folder


def environment(standin: Path) -> dict[str, str]:
    return {"STANDIN_FOLDER": str(standin), "PYTHONPATH": str(ROOT)}


def numbers(path: Path) -> list[int]:
    return [int(line) for line in path.read_text().split()] if path.exists() else []


async def process_of(standin: Path, count: int) -> int:
    """The id of the latest worker process, once there were so many."""
    async with asyncio.timeout(DEADLINE):
        while len(numbers(standin / "pids")) < count:  # noqa: ASYNC110  # A file rings no bell.
            await asyncio.sleep(0.02)
    return numbers(standin / "pids")[-1]


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and that nobody has asked after (a zombie) does not."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except ProcessLookupError:
        return False
    except FileNotFoundError:  # It ended just now, or this is no Linux.
        return not Path("/proc").is_dir()
    return state != "Z"


async def committed(service: Trainer, name: str, count: int) -> None:
    await service.until(name, lambda run: run.ledger.executions == 10 * count)


async def test_a_killed_worker_is_replaced_and_goes_on(tmp_path: Path, standin: Path) -> None:
    (standin / "hold-2").touch()
    async with trainer(tmp_path, env=environment(standin), worker_command=COMMAND) as service:
        created = await service.create()
        await committed(service, created.name, 2)
        os.kill(await process_of(standin, 1), signal.SIGKILL)
        second = await process_of(standin, 2)
        (standin / "hold-2").unlink()
        final = await service.until_final(created.name)
        assert final.state == run_pb2.RUN_STATE_SUCCEEDED
        assert [found.index for found in final.iterations] == [0, 1, 2, 3]
        assert numbers(standin / "starts") == [0, 2]
    assert not is_alive(second)


async def test_a_hung_worker_is_killed_and_replaced(tmp_path: Path, standin: Path) -> None:
    (standin / "hold-1").touch()
    (standin / "silent").touch()
    # Replaced as often as it takes, for on a busy machine a lease so short is lost for no fault of the
    # worker's.
    async with trainer(
        tmp_path,
        env=environment(standin),
        worker_command=COMMAND,
        lease_duration=0.3,
        max_worker_losses=1000,
    ) as service:
        created = await service.create()
        first = await process_of(standin, 1)
        await process_of(standin, 2)
        assert not is_alive(first)
        (standin / "hold-1").unlink()
        final = await service.until_final(created.name)
        assert final.state == run_pb2.RUN_STATE_SUCCEEDED
        assert numbers(standin / "starts")[:2] == [0, 1]


async def test_a_killed_worker_takes_along_what_it_started(tmp_path: Path, standin: Path) -> None:
    command = "sh -c 'sleep 1000 & echo $! >> \"$STANDIN_FOLDER/pids\"; wait'"
    async with trainer(
        tmp_path,
        env=environment(standin),
        worker_command=command,
        worker_startup=1,
        max_worker_losses=1,
    ) as service:
        failed = await service.until_final((await service.create()).name)
        assert "gave no sign of life" in failed.error.message
        child = await process_of(standin, 1)
        async with asyncio.timeout(DEADLINE):
            while is_alive(child):  # noqa: ASYNC110  # Nor does a stranger's end.
                await asyncio.sleep(0.02)


@pytest.mark.parametrize("stubborn", [False, True])
async def test_a_cancelled_worker_ends_itself_or_is_ended(
    tmp_path: Path, standin: Path, stubborn: bool
) -> None:
    (standin / "hold-1").touch()
    if stubborn:
        (standin / "stubborn").touch()
    async with trainer(
        tmp_path,
        env=environment(standin),
        worker_command=COMMAND,
        cancel_grace=0.2 if stubborn else DEADLINE,
    ) as service:
        created = await service.create()
        await committed(service, created.name, 1)
        await service.cancel(created.name)
        final = await service.until_final(created.name)
        assert final.state == run_pb2.RUN_STATE_CANCELLED
        assert len(final.iterations) == 1
        # The worker that finishes says what it spent; of a killed one the last commit tells.
        assert final.ledger.executions == (10 if stubborn else 99)


async def test_the_service_takes_its_workers_with_it_and_the_next_one_goes_on(
    tmp_path: Path, standin: Path
) -> None:
    (standin / "hold-2").touch()
    async with trainer(tmp_path, env=environment(standin), worker_command=COMMAND) as service:
        created = await service.create()
        await committed(service, created.name, 2)
        first = await process_of(standin, 1)
        assert is_alive(first)
    assert not is_alive(first)
    (standin / "hold-2").unlink()
    async with trainer(tmp_path, env=environment(standin), worker_command=COMMAND) as service:
        final = await service.until_final(created.name)
        assert final.state == run_pb2.RUN_STATE_SUCCEEDED
        assert numbers(standin / "starts") == [0, 2]


@pytest.mark.parametrize("deaf", [False, True])
async def test_workers_are_asked_to_end_before_they_are_made_to(
    tmp_path: Path, standin: Path, deaf: bool
) -> None:
    on_term = "" if deaf else 'echo 1 > "$STANDIN_FOLDER/asked"; exit'
    script = f"trap '{on_term}' TERM; echo $$ >> \"$STANDIN_FOLDER/pids\"; while :; do sleep 0.05; done"
    async with trainer(
        tmp_path,
        env=environment(standin),
        worker_command=f"sh -c {shlex.quote(script)}",
        stop_grace=0.1 if deaf else DEADLINE,
    ) as service:
        await service.create()
        pid = await process_of(standin, 1)
        assert is_alive(pid)
    assert not is_alive(pid)
    assert numbers(standin / "asked") == ([] if deaf else [1])


async def test_a_worker_that_cannot_work_leaves_a_log(tmp_path: Path) -> None:
    command = f"{sys.executable} -c 'import sys; sys.exit(\"the sky is falling\")'"
    async with trainer(tmp_path, worker_command=command, max_worker_losses=2) as service:
        created = await service.create()
        told = "the last one ended with exit code 1: the sky is falling"
        waiting = await service.until(created.name, lambda run: bool(run.progress.phase))
        assert waiting.progress.phase == f"waiting for another worker: {told}"
        failed = await service.until_final(created.name)
        assert failed.error.message.endswith(told)
        log = tmp_path / "trainer" / "workers" / f"{failed.name.removeprefix('runs/')}.log"
        assert log.read_text().count("the sky is falling") == 2
        assert stat.S_IMODE(log.stat().st_mode) == 0o600


async def test_the_last_words_of_a_worker_are_its_own_and_tell_no_secrets(tmp_path: Path) -> None:
    # Only the first one has something to say.
    script = '[ -e "$SAID" ] || echo "no way in: $AUTOFLOW_RUN_TOKEN"; touch "$SAID"; kill -9 $$'
    env = {"SAID": str(tmp_path / "said")}
    command = f"sh -c {shlex.quote(script)}"
    async with trainer(tmp_path, env=env, worker_command=command, max_worker_losses=2) as service:
        created = await service.create()
        waiting = await service.until(created.name, lambda run: bool(run.progress.phase))
        assert waiting.progress.phase.endswith("was killed by SIGKILL: no way in: …")
        failed = await service.until_final(created.name)
        assert failed.error.message.endswith("the last one was killed by SIGKILL")


async def test_a_program_that_is_not_there_fails_the_run(tmp_path: Path) -> None:
    async with trainer(tmp_path, worker_command="/nowhere/at-all", max_worker_losses=1) as service:
        failed = await service.until_final((await service.create()).name)
        assert "could not be started: No such file or directory" in failed.error.message
        assert "/nowhere" not in failed.error.message


def test_workers_are_told_what_they_need_and_no_more() -> None:
    env = {"PATH": "/bin", "AUTOFLOW_DATABASE_URL": "secret", "OMP_WAIT_POLICY": "ACTIVE", "A": "old"}
    assert worker_environment(env, {"A": "new"}) == {
        "PATH": "/bin",
        "OMP_WAIT_POLICY": "ACTIVE",
        "GOMP_SPINCOUNT": "0",
        "A": "new",
    }
