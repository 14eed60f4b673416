"""Real servers for the length of a test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from autoflow.server import ServerSettings, Service, serve
from autoflow.server.compose import SERVICES, System, serve_all


@asynccontextmanager
async def serving(service: Service, settings: ServerSettings | None = None) -> AsyncIterator[str]:
    """Serves one service.

    Args:
        service: what to serve.
        settings: where and how; a free port by default.

    Yields:
        Its address, `host:port`.
    """
    async with await serve(service, settings) as server:
        yield server.address


@asynccontextmanager
async def in_process(env: Mapping[str, str], services: Sequence[str] = SERVICES) -> AsyncIterator[System]:
    """Serves real services, wired to each other, on free ports of this machine.

    Args:
        env: their environment; `autoflow.server.compose.local_environment` completes one.
        services: their names.

    Yields:
        The running services; `Client.of(system.addresses)` calls them.
    """
    async with await serve_all(env, services) as system:
        yield system
