"""What the trainer is told by its environment."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from autoflow.settings import SettingsError
from autoflow.suites.loading import Limits
from autoflow_trainer.lifecycle import RetryPolicy
from autoflow_trainer.supervisor import Patience
from autoflow_trainer.uploads import Bounds

_POSITIVE_COUNTS = (
    "max_running_runs",
    "max_waiting_runs",
    "max_worker_losses",
    "max_suite_tasks",
    "max_suite_samples",
    "max_suite_bytes",
    "max_suite_uploads",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSettings:
    """Where the trainer's database is; all that `python -m autoflow_trainer migrate` needs."""

    trainer_data: Path = Path("~/.local/share/autoflow/trainer")
    """Folder of the database (where no URL is given) and of the workers' logs."""
    database_url: str = ""
    """SQLAlchemy URL with an async driver. Default: SQLite, `trainer.db` in the data folder."""

    @property
    def database(self) -> str:
        """The URL of the database."""
        return self.database_url or f"sqlite+aiosqlite:///{self.folder / 'trainer.db'}"

    @property
    def folder(self) -> Path:
        """The data folder, absolute."""
        return self.trainer_data.expanduser().absolute()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainerSettings(DatabaseSettings):
    """Settings of the trainer, `AUTOFLOW_DATABASE_URL` and so on. Times are in seconds."""

    artifacts: str
    """Folder or URL of the artifact store, of the trainer and of its workers."""
    generator_address: str
    """`host:port`, for the workers; so are the next three."""
    interpreter_address: str
    scorer_address: str
    trainer_address: str
    """Where the trainer itself is reached."""
    migrate_on_start: bool = True
    """Whether the service brings the database to what it needs; else it refuses to start on an older one, and
    `python -m autoflow_trainer migrate` does so."""
    launcher: str = "subprocess"
    """What runs workers. There is `subprocess`: processes of this machine."""
    worker_command: str = ""
    """Program and first arguments of a worker, as for a shell. Default: this Python's `autoflow_worker`."""
    max_running_runs: int = 1
    """Workers at a time; other runs wait. One worker and the services that it calls fill a small machine."""
    max_waiting_runs: int = 100
    """Runs that may wait; one more is refused with RESOURCE_EXHAUSTED."""
    max_suite_tasks: int = 10_000
    """Tasks of a suite that is created, at most 10,000; this and the next two are refused with
    RESOURCE_EXHAUSTED."""
    max_suite_samples: int = 100_000
    """Samples of all its tasks."""
    max_suite_bytes: int = 2**30
    """Bytes of its texts and pictures."""
    max_suite_uploads: int = 4
    """Suites that are uploaded at a time; one more is refused with RESOURCE_EXHAUSTED."""
    suite_pause: float = 60.0
    """Between two parts of an upload, at most; then it ends with DEADLINE_EXCEEDED."""
    suite_duration: float = 3600.0
    """For all parts of an upload, at most; then it ends with DEADLINE_EXCEEDED."""
    lease_duration: float = 30.0
    """A worker without a sign of life for so long is killed and replaced."""
    worker_startup: float = 120.0
    """The time that a new worker has for its first sign of life; it loads libraries first."""
    cancel_grace: float = 30.0
    """The time that a worker has to stop after a cancellation, before it is killed."""
    exit_grace: float = 15.0
    """The time that a worker has to exit after its run has ended, before it is killed."""
    stop_grace: float = 5.0
    """The time that workers have to exit when the service stops, before they are killed."""
    max_worker_losses: int = 8
    """A run that loses so many workers without committing an iteration in between fails. A worker that cannot
    reach a service gives up after some 20 s; with the delays in between, a run outlasts a service that is
    away for three minutes."""
    relaunch_delay: float = 1.0
    """Before the first replacement of a lost worker; doubled for each further one, up to 30 s."""
    run_poll_interval: float = 1.0
    """Between two looks at the database for changes that nobody in this process has told of."""

    def __post_init__(self) -> None:
        """Refuses what cannot work."""
        if self.launcher != "subprocess":
            raise SettingsError(f"AUTOFLOW_LAUNCHER is {self.launcher!r}, but there is only 'subprocess'")
        for name in _POSITIVE_COUNTS:
            if getattr(self, name) < 1:
                raise SettingsError(f"AUTOFLOW_{name.upper()} must be at least 1")
        if self.max_suite_tasks > (most := Limits().tasks):
            raise SettingsError(f"AUTOFLOW_MAX_SUITE_TASKS must be at most {most}")
        for name in (
            "lease_duration",
            "worker_startup",
            "run_poll_interval",
            "suite_pause",
            "suite_duration",
        ):
            if not getattr(self, name) > 0:
                raise SettingsError(f"AUTOFLOW_{name.upper()} must be more than 0")

    @property
    def command(self) -> tuple[str, ...]:
        """Program and first arguments of a worker."""
        # -P: a file of the working folder must not pass for a library.
        return tuple(shlex.split(self.worker_command)) or (sys.executable, "-P", "-m", "autoflow_worker")

    @property
    def uploads(self) -> Path:
        """The folder of suites that are being uploaded."""
        return self.folder / "uploads"

    @property
    def suite_bounds(self) -> Bounds:
        """How much an uploaded suite may be."""
        return Bounds(
            self.max_suite_tasks,
            self.max_suite_samples,
            self.max_suite_bytes,
            self.suite_pause,
            self.suite_duration,
        )

    @property
    def logs(self) -> Path:
        """The folder of the workers' logs."""
        return self.folder / "workers"

    @property
    def for_workers(self) -> Mapping[str, str]:
        """The variables that workers are given."""
        return {
            "AUTOFLOW_ARTIFACTS": self.artifacts,
            "AUTOFLOW_GENERATOR_ADDRESS": self.generator_address,
            "AUTOFLOW_INTERPRETER_ADDRESS": self.interpreter_address,
            "AUTOFLOW_SCORER_ADDRESS": self.scorer_address,
            "AUTOFLOW_SUITE_CACHE": str(self.folder / "suites"),
            "AUTOFLOW_TRAINER_ADDRESS": self.trainer_address,
        }

    @property
    def retries(self) -> RetryPolicy:
        """How often a lost worker is replaced."""
        return RetryPolicy(self.max_worker_losses, timedelta(seconds=self.relaunch_delay))

    @property
    def patience(self) -> Patience:
        """How long workers are waited for."""
        return Patience(self.worker_startup, self.cancel_grace, self.exit_grace, self.stop_grace)
