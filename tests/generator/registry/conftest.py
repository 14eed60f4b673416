from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from autoflow.client.registry import RegistryClient
from tests.generator.registry.servers import registry_at


@pytest.fixture
async def registry(database_url: str) -> AsyncIterator[RegistryClient]:
    """A registry in a database of each kind."""
    async with registry_at(database_url) as client:
        yield client


@pytest.fixture
async def other(database_url: str, registry: RegistryClient) -> AsyncIterator[RegistryClient]:
    """Another server of the same database."""
    async with registry_at(database_url) as client:
        yield client
