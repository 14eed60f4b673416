"""Registries for tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from autoflow.client import Client, ClientSettings, RetrySettings
from autoflow.client.registry import RegistryClient
from autoflow.server import ServerSettings
from autoflow.testing import catalogue_of, serving
from autoflow_generator import build

QUICK = ClientSettings(retry=RetrySettings(attempts=2, initial_backoff=0.01, max_backoff=0.01))
_SERVED = ServerSettings(address="127.0.0.1:0", health_interval=0.5)


def generator(url: str) -> AbstractAsyncContextManager[str]:
    """Serves a generator without models, which keeps its registry in a database; gives its address."""
    return serving(build({"AUTOFLOW_GENERATOR_DATABASE_URL": url}, catalogue_of()), _SERVED)


@asynccontextmanager
async def registry_at(url: str) -> AsyncIterator[RegistryClient]:
    """Serves a registry in a database."""
    async with generator(url) as address, Client(generator=address, settings=QUICK) as client:
        yield client.registry
