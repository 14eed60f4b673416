"""Every settings class of the system, by name: a service's package may not be installed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, cast

from autoflow.settings import PREFIX
from autoflow.telemetry.settings import PREFIX as OTEL_PREFIX

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


@dataclass(frozen=True, slots=True)
class Source:
    """A settings class, and who reads it."""

    readers: str
    """Services and others, in words."""
    module: str
    name: str
    prefix: str = PREFIX

    def load(self) -> type[DataclassInstance]:
        """Imports the class.

        Raises:
            ImportError: what its module needs is not installed.
        """
        return cast("type[DataclassInstance]", getattr(import_module(self.module), self.name))


SOURCES = (
    Source("every service", "autoflow.server.settings", "ServerSettings"),
    Source("experts", "autoflow_experts.settings", "ExpertsSettings"),
    Source("generator, interpreter", "autoflow.llm.catalogue", "CatalogueSettings"),
    Source("generator, interpreter", "autoflow.llm.local_settings", "LocalSettings"),
    Source("generator", "autoflow_generator.settings", "GeneratorSettings"),
    Source("interpreter", "autoflow_interpreter.settings", "InterpreterSettings"),
    Source("scorer", "autoflow_scorer.settings", "ScorerSettings"),
    Source("trainer", "autoflow_trainer.settings", "TrainerSettings"),
    Source("worker", "autoflow_worker.settings", "WorkerSettings"),
    Source("every service, worker", "autoflow.telemetry.settings", "TelemetrySettings", OTEL_PREFIX),
    Source("command line", "autoflow.cli.settings", "CommandSettings"),
)
"""In the order in which they are shown. A test finds every class that the code reads from an environment."""


def installed() -> Iterator[tuple[Source, type[DataclassInstance]]]:
    """The classes whose packages are installed."""
    for source in SOURCES:
        try:
            yield source, source.load()
        except ImportError:
            continue
