"""Wires the generator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from autoflow.admission import Admission
from autoflow.llm.catalogue import Catalogue, default_catalogue
from autoflow.server import Endpoint, Service
from autoflow.settings import from_env
from autoflow.v1.generator_service_pb2_grpc import add_GeneratorServiceServicer_to_server
from autoflow_generator.generation import WorkflowGenerator
from autoflow_generator.servicer import GeneratorServicer


@dataclass(frozen=True, slots=True)
class GeneratorSettings:
    """Settings of the generator, `AUTOFLOW_GENERATOR_MAX_REQUESTS` and so on."""

    generator_max_requests: int = 64
    """Requests for candidates under way; one more is refused with RESOURCE_EXHAUSTED."""
    generator_max_tokens: int = 640
    """The limit of a candidate where a request gives none: some twelve steps of plain English."""


def build(env: Mapping[str, str], catalogue: Catalogue | None = None) -> Service:
    """Wires the service; opens and loads nothing yet.

    Args:
        env: the environment that settings are read from.
        catalogue: the models, closed when the service stops. Default: `default_catalogue`.
    """
    settings = from_env(GeneratorSettings, env)
    catalogue = default_catalogue(env) if catalogue is None else catalogue
    generator = WorkflowGenerator(catalogue, Admission(settings.generator_max_requests, "requests"))
    servicer = GeneratorServicer(generator, max_tokens=settings.generator_max_tokens)
    register = partial(add_GeneratorServiceServicer_to_server, servicer)
    return Service(
        name="generator",
        endpoints=(Endpoint("autoflow.v1.GeneratorService", register),),
        start=catalogue.start,
        stop=catalogue.close,
        ready=catalogue.ready,
    )
