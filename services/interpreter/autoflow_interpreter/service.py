"""Wires the interpreter."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from autoflow.admission import Admission
from autoflow.llm.catalogue import Catalogue, default_catalogue
from autoflow.server import Endpoint, Service
from autoflow.settings import from_env
from autoflow.store.engine import create_engine
from autoflow.tools.assembly import Sources
from autoflow.tools.model import Source
from autoflow.tools.providers import Provider
from autoflow.tools.registry import Registry
from autoflow.v1.interpreter_service_pb2_grpc import add_InterpreterServiceServicer_to_server
from autoflow_interpreter.convert import Wire
from autoflow_interpreter.executions.carrying import Carrier
from autoflow_interpreter.executions.executions import Executions
from autoflow_interpreter.executions.runner import Runner, RunnerSettings
from autoflow_interpreter.executions.store import ExecutionStore
from autoflow_interpreter.executions.writer import GroupWriter
from autoflow_interpreter.interpreter import Interpreter
from autoflow_interpreter.memory import MemorySettings
from autoflow_interpreter.plan_execution import PlanExecutor
from autoflow_interpreter.registered import RegisteredWorkflows
from autoflow_interpreter.remote_tools import RemoteTools
from autoflow_interpreter.servicer import InterpreterServicer
from autoflow_interpreter.settings import InterpreterSettings
from autoflow_interpreter.stored import StoredRequests

_RENEWALS = 3
"""Of a lease while it lasts."""


def build(env: Mapping[str, str], catalogue: Catalogue | None = None) -> Service:
    """Wires the service; opens and loads nothing yet.

    Args:
        env: the environment that settings are read from.
        catalogue: the models, closed when the service stops. Default: `default_catalogue`.

    Raises:
        SettingsError: a setting is wrong.
    """
    settings = from_env(InterpreterSettings, env)
    catalogue = default_catalogue(env) if catalogue is None else catalogue
    sources = _sources(settings, env)
    tools = Registry(
        sources,
        characters=settings.interpreter_tool_characters,
        seconds=settings.interpreter_tool_seconds,
    )
    interpreter = Interpreter(
        catalogue,
        PlanExecutor(RemoteTools([source for source in sources if isinstance(source, Provider)])),
        tools,
        plan_executions=Admission(settings.interpreter_max_plans, "plans"),
        now=_now,
        memory=MemorySettings(
            tokens=settings.interpreter_memory_tokens,
            top=settings.interpreter_memory_top,
            floor=settings.interpreter_memory_floor,
        ),
    )
    engine = create_engine(settings.database)
    store = ExecutionStore(engine)
    registered = RegisteredWorkflows(settings.generator_address)
    requests = StoredRequests(interpreter, registered, max_tokens=settings.interpreter_max_tokens)
    writer = GroupWriter(store, patience=settings.interpreter_store_seconds)
    runner = Runner(
        store,
        writer,
        Carrier(store, writer, Wire(), requests.resume),
        admission=Admission(settings.interpreter_max_executions, "executions"),
        settings=_runner_settings(settings),
        now=_now,
    )
    executions = Executions(store, runner, now=_now, poll=settings.interpreter_poll_seconds)
    servicer = InterpreterServicer(interpreter, executions, requests)

    async def start() -> None:
        await (store.migrate() if settings.migrate_on_start else store.require_migrated())
        await catalogue.start()
        runner.start()

    async def drain() -> None:
        runner.stopping = True

    async def ready() -> bool:
        return runner.alive and await catalogue.ready() and await store.reachable()

    async def stop() -> None:
        await runner.stop()
        await tools.close()
        await registered.close()
        await catalogue.close()
        await store.close()

    register = partial(add_InterpreterServiceServicer_to_server, servicer)
    return Service(
        name="interpreter",
        endpoints=(Endpoint("autoflow.v1.InterpreterService", register),),
        start=start,
        drain=drain,
        stop=stop,
        ready=ready,
    )


def _sources(settings: InterpreterSettings, env: Mapping[str, str]) -> list[Source]:
    make = Sources(calls=settings.interpreter_max_tool_calls, seconds=settings.interpreter_tool_seconds)
    of_file = make.of_file(Path(settings.tools_file), env) if settings.tools_file else []
    return [*of_file, *make.of_addresses(settings.providers.items())]


def _runner_settings(settings: InterpreterSettings) -> RunnerSettings:
    return RunnerSettings(
        owner=str(uuid.uuid4()),
        lease=timedelta(seconds=settings.interpreter_lease_seconds),
        pause=settings.interpreter_lease_seconds / _RENEWALS,
        keep=timedelta(days=settings.interpreter_keep_days),
        keep_executions=settings.interpreter_keep_executions,
    )


def _now() -> datetime:
    return datetime.now(UTC)
