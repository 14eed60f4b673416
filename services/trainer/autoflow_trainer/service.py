"""Wires the trainer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial

from autoflow.server import Endpoint, Service
from autoflow.settings import from_env
from autoflow.store.artifacts import ArtifactStore
from autoflow.store.engine import create_engine
from autoflow.v1.run_worker_service_pb2_grpc import add_RunWorkerServiceServicer_to_server
from autoflow.v1.trainer_service_pb2_grpc import add_TrainerServiceServicer_to_server
from autoflow_trainer.control import ControlPlane
from autoflow_trainer.convert import power_bytes, run_kind
from autoflow_trainer.launcher import Launcher
from autoflow_trainer.leases import Leases
from autoflow_trainer.library import SuiteLibrary
from autoflow_trainer.notifier import Notifier
from autoflow_trainer.pages import page_digest
from autoflow_trainer.reports import Reports
from autoflow_trainer.servicers import RunWorkerServicer, TrainerServicer
from autoflow_trainer.settings import TrainerSettings
from autoflow_trainer.store import RunStore, SuiteStore
from autoflow_trainer.subprocess_launcher import SubprocessLauncher, worker_environment
from autoflow_trainer.supervisor import Supervisor


def build(env: Mapping[str, str], launcher: Launcher | None = None) -> Service:
    """Wires the service; connects to nothing and starts no worker yet.

    Args:
        env: the environment that settings are read from, and that workers inherit.
        launcher: what runs workers. Default: the one that the settings name.

    Raises:
        SettingsError: a setting is missing or wrong.
    """
    settings = from_env(TrainerSettings, env)
    engine = create_engine(settings.database)
    notifier = Notifier()
    store = RunStore(engine, on_change=notifier.changed)
    artifacts = ArtifactStore(settings.artifacts)
    library = SuiteLibrary(
        SuiteStore(engine),
        artifacts,
        settings.uploads,
        clock=_now,
        bounds=settings.suite_bounds,
        max_uploads=settings.max_suite_uploads,
    )
    control = ControlPlane(
        store,
        notifier,
        find_suite=library.find,
        power_of=power_bytes,
        clock=_now,
        max_waiting=settings.max_waiting_runs,
        poll_interval=settings.run_poll_interval,
    )
    reports = Reports(store, artifacts, page_digest)
    leases = Leases(
        store,
        clock=_now,
        lease_duration=timedelta(seconds=settings.lease_duration),
        kind_of=run_kind,
    )
    supervisor = Supervisor(
        store,
        launcher or _subprocess_launcher(settings, env),
        notifier,
        clock=_now,
        retries=settings.retries,
        patience=settings.patience,
        max_running=settings.max_running_runs,
        poll_interval=settings.run_poll_interval,
    )

    async def start() -> None:
        await (store.migrate() if settings.migrate_on_start else store.require_migrated())
        await library.start()
        supervisor.start()

    async def drain() -> None:
        notifier.close()
        await supervisor.stop()

    async def ready() -> bool:
        return supervisor.alive and await store.reachable()

    add_trainer = partial(add_TrainerServiceServicer_to_server, TrainerServicer(control, library, reports))
    add_worker_side = partial(add_RunWorkerServiceServicer_to_server, RunWorkerServicer(leases))
    return Service(
        name="trainer",
        endpoints=(
            Endpoint("autoflow.v1.TrainerService", add_trainer),
            Endpoint("autoflow.v1.RunWorkerService", add_worker_side),
        ),
        start=start,
        drain=drain,
        stop=store.close,
        ready=ready,
    )


def _subprocess_launcher(settings: TrainerSettings, env: Mapping[str, str]) -> Launcher:
    return SubprocessLauncher(settings.command, worker_environment(env, settings.for_workers), settings.logs)


def _now() -> datetime:
    return datetime.now(UTC)
