"""What serves: a server without endpoints of its own says that it is well."""

from __future__ import annotations

import asyncio

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from autoflow.server import Service, serve


async def _main() -> None:
    async with (
        await serve(Service("check", ())) as running,
        grpc.aio.insecure_channel(running.address) as channel,
    ):
        stub = health_pb2_grpc.HealthStub(channel)
        answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=10)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING, answer


if __name__ == "__main__":
    asyncio.run(_main())
