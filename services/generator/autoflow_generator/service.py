"""Wires the generator."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from autoflow.admission import Admission
from autoflow.llm.catalogue import Catalogue, default_catalogue
from autoflow.server import Endpoint, Service
from autoflow.settings import from_env
from autoflow.store.engine import create_engine
from autoflow.v1.generator_service_pb2_grpc import add_GeneratorServiceServicer_to_server
from autoflow.v1.registry_service_pb2_grpc import add_RegistryServiceServicer_to_server
from autoflow_generator.generation import WorkflowGenerator
from autoflow_generator.registry.registry import WorkflowRegistry
from autoflow_generator.registry.servicer import RegistryServicer
from autoflow_generator.registry.store import RegistryStore
from autoflow_generator.servicer import GeneratorServicer
from autoflow_generator.settings import GeneratorSettings


def build(env: Mapping[str, str], catalogue: Catalogue | None = None) -> Service:
    """Wires the service; opens and loads nothing yet.

    Args:
        env: the environment that settings are read from.
        catalogue: the models, closed when the service stops. Default: `default_catalogue`.

    Raises:
        SettingsError: a setting is wrong.
    """
    settings = from_env(GeneratorSettings, env)
    catalogue = default_catalogue(env) if catalogue is None else catalogue
    generator = WorkflowGenerator(catalogue, Admission(settings.generator_max_requests, "requests"))
    servicer = GeneratorServicer(generator, max_tokens=settings.generator_max_tokens)
    store = RegistryStore(create_engine(settings.database))

    async def start() -> None:
        await (store.migrate() if settings.migrate_on_start else store.require_migrated())
        await catalogue.start()

    async def ready() -> bool:
        return await catalogue.ready() and await store.reachable()

    async def stop() -> None:
        await catalogue.close()
        await store.close()

    add_generator = partial(add_GeneratorServiceServicer_to_server, servicer)
    registry = RegistryServicer(WorkflowRegistry(store))
    add_registry = partial(add_RegistryServiceServicer_to_server, registry)
    return Service(
        name="generator",
        endpoints=(
            Endpoint("autoflow.v1.GeneratorService", add_generator),
            Endpoint("autoflow.v1.RegistryService", add_registry),
        ),
        start=start,
        stop=stop,
        ready=ready,
    )
