"""What the trainer is told by its environment."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import pytest

from autoflow.settings import SettingsError, from_env
from autoflow_trainer.lifecycle import RetryPolicy
from autoflow_trainer.settings import TrainerSettings

REQUIRED = {
    "AUTOFLOW_ARTIFACTS": "s3://bucket/prefix",
    "AUTOFLOW_GENERATOR_ADDRESS": "generator:1",
    "AUTOFLOW_INTERPRETER_ADDRESS": "interpreter:2",
    "AUTOFLOW_SCORER_ADDRESS": "scorer:3",
    "AUTOFLOW_TRAINER_ADDRESS": "trainer:4",
}


def test_workers_are_given_what_the_trainer_was_told() -> None:
    settings = from_env(TrainerSettings, {**REQUIRED, "AUTOFLOW_TRAINER_DATA": "/data"})
    assert settings.for_workers == {**REQUIRED, "AUTOFLOW_SUITE_CACHE": "/data/suites"}


@pytest.mark.parametrize("missing", REQUIRED)
def test_what_workers_need_is_required(missing: str) -> None:
    env = {name: value for name, value in REQUIRED.items() if name != missing}
    with pytest.raises(SettingsError, match=missing):
        from_env(TrainerSettings, env)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("AUTOFLOW_LAUNCHER", "carrier-pigeon"),
        ("AUTOFLOW_MAX_RUNNING_RUNS", "0"),
        ("AUTOFLOW_MAX_WAITING_RUNS", "0"),
        ("AUTOFLOW_MAX_WORKER_LOSSES", "-1"),
        ("AUTOFLOW_LEASE_DURATION", "0"),
        ("AUTOFLOW_RUN_POLL_INTERVAL", "nan"),
        ("AUTOFLOW_MAX_SUITE_BYTES", "0"),
        ("AUTOFLOW_MAX_SUITE_TASKS", "10001"),
        ("AUTOFLOW_SUITE_PAUSE", "0"),
        ("AUTOFLOW_SUITE_DURATION", "0"),
    ],
)
def test_what_cannot_work_is_refused(variable: str, value: str) -> None:
    with pytest.raises(SettingsError, match=variable):
        from_env(TrainerSettings, {**REQUIRED, variable: value})


def test_a_worker_is_this_python_unless_told_otherwise() -> None:
    assert from_env(TrainerSettings, REQUIRED).command == (sys.executable, "-P", "-m", "autoflow_worker")
    told = from_env(TrainerSettings, {**REQUIRED, "AUTOFLOW_WORKER_COMMAND": "nice -n 5 'my worker'"})
    assert told.command == ("nice", "-n", "5", "my worker")


def test_the_database_lies_in_the_data_folder_unless_told_otherwise(tmp_path: Path) -> None:
    here = {**REQUIRED, "AUTOFLOW_TRAINER_DATA": str(tmp_path)}
    assert from_env(TrainerSettings, here).database == f"sqlite+aiosqlite:///{tmp_path}/trainer.db"
    there = {**here, "AUTOFLOW_DATABASE_URL": "postgresql+asyncpg://db/runs"}
    assert from_env(TrainerSettings, there).database == "postgresql+asyncpg://db/runs"


@pytest.mark.parametrize(("losses", "seconds"), [(1, 1), (2, 2), (3, 4), (5, 16), (6, 30), (5000, 30)])
def test_the_wait_for_a_new_worker_doubles_up_to_a_limit(losses: int, seconds: float) -> None:
    assert RetryPolicy().delay(losses) == timedelta(seconds=seconds)
