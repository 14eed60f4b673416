"""Listens, serves and stops.

What is served is plain text, and whoever reaches the port may call: it is for a trusted network.
"""

from __future__ import annotations

import asyncio
import logging
from types import TracebackType
from typing import Self

import grpc
from grpc_reflection.v1alpha import reflection

from autoflow.server.calls import CallInterceptor
from autoflow.server.gate import Gate
from autoflow.server.health import Health
from autoflow.server.messages import READ_FACTOR
from autoflow.server.service import Service
from autoflow.server.settings import MOST_MESSAGE_BYTES, ServerSettings

_log = logging.getLogger(__name__)

_FLUSH = 1.0
"""Seconds in which the last answers leave, and streams of health end, before connections are closed."""


class RunningServer:
    """A server that answers; made by `Listener.serve`. As a context manager it stops at the end."""

    def __init__(
        self, server: grpc.aio.Server, service: Service, address: str, gate: Gate, health: Health
    ) -> None:
        self._server = server
        self._service = service
        self._address = address
        self._gate = gate
        self._health = health
        self._watch: asyncio.Task[None] | None = None
        self._stopping: asyncio.Task[None] | None = None

    @property
    def address(self) -> str:
        """`host:port`, with the port that was taken."""
        return self._address

    @property
    def port(self) -> int:
        """The port that was taken."""
        return int(self._address.rpartition(":")[2])

    @property
    def service(self) -> Service:
        """What is served."""
        return self._service

    async def follow_health(self, interval: float) -> None:
        """Lets health follow the service, asked now and then each `interval` seconds."""
        await self._health.refresh(self._service, interval)
        self._watch = asyncio.create_task(self._health.follow(self._service, interval))

    async def stop(self, grace: float) -> None:
        """Drains: refuses new calls, waits for those in flight, cancels the rest, stops the service.

        Further calls wait for the first one.

        Args:
            grace: seconds that calls in flight have to end.
        """
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._stop(grace))
        await asyncio.shield(self._stopping)

    async def _stop(self, grace: float) -> None:
        _log.info("draining", extra={"service": self._service.name, "grace": grace})
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait([self._watch])
        await self._health.drain()
        try:
            await self._service.drain()
        finally:
            await self._end_calls(grace)
            await self._service.stop()
        _log.info("stopped", extra={"service": self._service.name})

    async def _end_calls(self, grace: float) -> None:
        # While the last calls end, the server still answers: UNAVAILABLE, which channels try again elsewhere,
        # unlike the CANCELLED of a server that shuts down; and NOT_SERVING to whoever asks for its health.
        self._gate.close()
        if await self._gate.wait_until_empty(grace):
            await self._server.stop(min(grace, _FLUSH))
        else:
            await self._server.stop(0)
            # They are cancelled, but have not heard of it yet.
            await self._gate.wait_until_empty(_FLUSH)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop(grace=0)


class Listener:
    """A port that is taken and does not answer yet.

    The port is known before the service is wired, so services that are to find each other can all be told
    where the others will be. Make and use it inside one event loop.

    Args:
        settings: where and how to serve.

    Raises:
        OSError: the address cannot be listened on.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._gate = Gate(settings.max_concurrent_rpcs, settings.max_concurrent_streams)
        self._server = grpc.aio.server(
            interceptors=[CallInterceptor(settings, self._gate)],
            options=[
                (
                    "grpc.max_receive_message_length",
                    min(READ_FACTOR * settings.max_message_bytes, MOST_MESSAGE_BYTES),
                ),
                ("grpc.keepalive_time_ms", round(settings.keepalive * 1000)),
                # Of grpc's two time-outs for an answer (1.85) this one counts; its own default is a minute.
                ("grpc.http2.ping_timeout_ms", round(settings.keepalive_timeout * 1000)),
                (
                    "grpc.http2.min_recv_ping_interval_without_data_ms",
                    round(settings.min_ping_interval * 1000),
                ),
                # Two processes on one port would each get half of the calls.
                ("grpc.so_reuseport", 0),
            ],
        )
        host = settings.address.rpartition(":")[0]
        try:
            port = self._server.add_insecure_port(settings.address)
        except RuntimeError as error:
            raise OSError(f"cannot listen on {settings.address}") from error
        self._address = f"{host}:{port}"

    @property
    def address(self) -> str:
        """`host:port`, with the port that was taken."""
        return self._address

    async def serve(self, service: Service) -> RunningServer:
        """Answers with a service; returns when it has started. Cancelling this stops whatever did start.

        Args:
            service: what to serve.

        Returns:
            The server, answering, its health following the service.

        Raises:
            Exception: what the service's `start` raised; the port is free again, and the service stopped.
        """
        names = tuple(endpoint.full_name for endpoint in service.endpoints)
        for endpoint in service.endpoints:
            endpoint.register(self._server)
        health = Health(names)
        await health.register(self._server)
        reflection.enable_server_reflection(
            (*names, "grpc.health.v1.Health", reflection.SERVICE_NAME), self._server
        )
        await self._server.start()
        running = RunningServer(self._server, service, self._address, self._gate, health)
        try:
            await service.start()
            self._gate.open()
            await running.follow_health(self._settings.health_interval)
        except BaseException:
            await running.stop(grace=0)
            raise
        _log.info("serving", extra={"service": service.name, "address": self._address})
        return running

    async def close(self) -> None:
        """Frees the port where nothing was served."""
        # grpc frees the port of a server that was started, and of no other.
        await self._server.start()
        await self._server.stop(0)


async def serve(service: Service, settings: ServerSettings | None = None) -> RunningServer:
    """Serves a service.

    Args:
        service: what to serve.
        settings: where and how; a free port of this machine by default.

    Returns:
        As `Listener.serve`.

    Raises:
        OSError: the address cannot be listened on.
        Exception: as `Listener.serve`.
    """
    return await Listener(settings or ServerSettings(address="127.0.0.1:0")).serve(service)
