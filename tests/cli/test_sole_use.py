"""Commands that keep state in a folder have it to themselves."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from autoflow.cli.exits import CommandFailed, ExitCode
from autoflow.cli.sole_use import sole_use
from tests.cli.harness import DEADLINE, ROOT, autoflow, start
from tests.cli.test_demo import environment

HOLDER = """\
import sys, time
from pathlib import Path
from autoflow.cli.sole_use import sole_use
with sole_use(Path(sys.argv[1]), "--data"):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_folder_has_one_user_at_a_time(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "data"
    with sole_use(folder, "--data"):
        for _ in range(2):  # The first attempt must not take the holder's name away.
            with pytest.raises(CommandFailed) as caught, sole_use(folder, "--data"):
                pass
            assert caught.value.message == (
                f"process {os.getpid()} is at work in {folder}: "
                "wait for its end, or name another folder by --data"
            )
            assert caught.value.code is ExitCode.USAGE
        with sole_use(tmp_path / "other", "--data"):
            pass
    with sole_use(folder, "--data"):
        pass


def test_a_holder_that_was_killed_is_in_nobody_s_way(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(CommandFailed, match=f"process {holder.pid} is at work"), sole_use(tmp_path, "x"):
            pass
        holder.kill()
        holder.wait(DEADLINE)
    with sole_use(tmp_path, "--data"):
        pass


async def test_an_evaluation_leaves_another_one_that_is_under_way_alone(tmp_path: Path) -> None:
    data = str(tmp_path)
    first = await start("evaluate", "--with", "expert", "--local", "--data", data, env=environment("wait"))
    assert first.stderr is not None
    async with asyncio.timeout(DEADLINE):
        while b"testing" not in await first.stderr.readline():
            pass
    log = tmp_path / "evaluate" / "services.log"
    logged = log.stat().st_size
    arguments = ("evaluate", "--with", "baseline", "--local", "--data", data)
    refused = await autoflow(*arguments, env=environment("succeed"))
    assert (refused.code, refused.out) == (2, "")
    assert refused.error == (
        f"autoflow: process {first.pid} is at work in {tmp_path / 'evaluate'}: "
        "wait for its end, or name another folder by --data"
    )
    assert first.returncode is None
    assert log.stat().st_size >= logged
    first.send_signal(signal.SIGKILL)
    await first.communicate()
    # The interrupted one has to make way, and that is said.
    done = await autoflow(*arguments, env=environment("succeed"))
    assert done.code == 0, done.err
    assert "another evaluation that was interrupted, is cancelled" in done.err


@pytest.mark.parametrize(
    ("arguments", "folder", "option"),
    [(("demo", "--out", "."), "data", "--out"), (("up", "--port", "0", "--data", "."), ".", "--data")],
)
async def test_no_command_disturbs_the_folder_of_another(
    arguments: tuple[str, ...], folder: str, option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    kept = [tmp_path / "summary.json", tmp_path / "services.log"]
    for file in kept:
        file.write_text("of the other one")
    with sole_use(Path(folder), option):
        refused = await autoflow(*arguments, env=environment("succeed"))
    assert (refused.code, refused.out) == (2, "")
    assert refused.error.startswith(f"autoflow: process {os.getpid()} is at work in {folder}: ")
    assert refused.error.endswith(f"by {option}")
    assert [file.read_text() for file in kept] == ["of the other one"] * 2
