"""Health (grpc.health.v1) that follows what the service says of itself."""

from __future__ import annotations

import asyncio
import logging
from typing import Literal

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from autoflow.server.service import Service

_log = logging.getLogger(__name__)
_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class Health:
    """The health of a server's endpoints and, under the empty name, of the server.

    Args:
        names: the full names of the endpoints.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = ("", *names)
        self._servicer = health.aio.HealthServicer()
        self._ready = False

    async def register(self, server: grpc.aio.Server) -> None:
        """Adds the health service to a server, NOT_SERVING."""
        await self._set(_NOT_SERVING)
        health_pb2_grpc.add_HealthServicer_to_server(self._servicer, server)

    async def refresh(self, service: Service, timeout: float) -> None:
        """Asks the service whether it is ready, and says so.

        Args:
            service: whom to ask.
            timeout: seconds; an answer that does not come, or fails, is a no.
        """
        is_ready = await _ask(service, timeout)
        if is_ready is not self._ready:
            _log.info("health", extra={"service": service.name, "ready": is_ready})
            await self._set(_SERVING if is_ready else _NOT_SERVING)
        self._ready = is_ready

    async def follow(self, service: Service, interval: float) -> None:
        """Refreshes forever.

        Args:
            service: whom to ask.
            interval: seconds between two questions, and the most that an answer may take.
        """
        while True:
            await asyncio.sleep(interval)
            await self.refresh(service, interval)

    async def drain(self) -> None:
        """Says NOT_SERVING from now on, whatever the service says."""
        await self._servicer.enter_graceful_shutdown()

    async def _set(self, status: Literal[1, 2]) -> None:
        for name in self._names:
            await self._servicer.set(name, status)


async def _ask(service: Service, timeout: float) -> bool:
    try:
        async with asyncio.timeout(timeout):
            return await service.ready()
    except Exception:
        _log.exception("the service could not say whether it is ready", extra={"service": service.name})
        return False
