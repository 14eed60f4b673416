"""What a worker is told by its environment."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """Settings of a worker, `AUTOFLOW_GENERATOR_ADDRESS` and so on; `autoflow.settings.from_env` reads
    them.
    """

    artifacts: str
    """Folder or URL of the artifact store."""
    generator_address: str
    """`host:port`; so are the next three."""
    interpreter_address: str
    scorer_address: str
    trainer_address: str
    run_token: str = field(repr=False)
    """The secret of this launch, which proves to the trainer that the run is this worker's."""
    suite_cache: Path = Path("~/.local/share/autoflow/suites")
    """Folder of the copies of created suites."""
    worker_device: str = "auto"
    """Where the policy learns: `cpu`, `cuda` and so on; `auto` takes a GPU where there is one."""
    worker_threads: int = 2
    """Threads of one operation on the CPU. Samples wait while the policy learns, so the cores are free
    then.
    """
    worker_plan_seconds: float = 600.0
    """The most that one call may take which executes a plan on samples, or scores what it made."""
    worker_executions: int = 128
    """Executions in flight at most."""
    log_level: str = "INFO"
    """DEBUG, INFO, WARNING or ERROR."""
