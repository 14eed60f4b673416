"""The worker as a process: its command, its environment, and how it leaves."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from autoflow.testing.launcher import CoroutineLauncher
from autoflow_worker.__main__ import main
from tests.trainer.harness import Workers, trainer

ADDRESSES = {
    f"AUTOFLOW_{service}_ADDRESS": "127.0.0.1:1"
    for service in ("GENERATOR", "INTERPRETER", "SCORER", "TRAINER")
}


@pytest.mark.parametrize("arguments", [[], ["a"], ["runs/A"], ["runs/a", "runs/b"]])
def test_anything_but_the_name_of_a_run_is_refused(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments, {}) == 2
    assert "usage" in capsys.readouterr().err


def test_a_missing_variable_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs/a"], {**ADDRESSES, "AUTOFLOW_ARTIFACTS": "/nowhere"}) == 2
    assert "AUTOFLOW_RUN_TOKEN" in capsys.readouterr().err


async def test_a_worker_whose_run_is_another_workers_leaves_at_once(tmp_path: Path) -> None:
    workers = Workers()
    async with trainer(tmp_path, CoroutineLauncher(workers.work)) as running:
        created = await running.create()
        name, _, dismissed = await workers.next()
        assert name == created.name
        env = {
            **os.environ,
            **ADDRESSES,
            "AUTOFLOW_TRAINER_ADDRESS": running.address,
            "AUTOFLOW_ARTIFACTS": str(tmp_path / "artifacts"),
            "AUTOFLOW_RUN_TOKEN": "of another launch",
        }
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "autoflow_worker", name),
            env=env,
            stderr=asyncio.subprocess.PIPE,
        )
        _, errors = await process.communicate()
        dismissed.set()
    assert process.returncode == 3
    assert b"the lease is lost" in errors
    assert b"of another launch" not in errors
