"""A collector of spans, over OTLP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass
class Collector(TraceServiceServicer):
    """Keeps what it is sent."""

    spans: list[tuple[str, Span]] = field(default_factory=list)
    """Each with the name of the process that it is from."""
    env: Mapping[str, str] = field(default_factory=dict)
    """What switches a process on that is to send its spans here."""

    _arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def first(self, name: str) -> tuple[str, Span]:
        """The first span of that name, and its process; waits for it."""
        while True:
            for source, span in self.spans:
                if span.name == name:
                    return source, span
            self._arrived.clear()
            await self._arrived.wait()

    async def Export(self, request: ExportTraceServiceRequest, context: object) -> ExportTraceServiceResponse:
        """Keeps them."""
        for resource in request.resource_spans:
            names = {item.key: item.value.string_value for item in resource.resource.attributes}
            for scope in resource.scope_spans:
                self.spans += [(names["service.name"], span) for span in scope.spans]
        self._arrived.set()
        return ExportTraceServiceResponse()


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    """A collector for the length of the block, in this event loop."""
    collector = Collector()
    server = grpc.aio.server()
    add_TraceServiceServicer_to_server(collector, server)  # type: ignore[no-untyped-call]
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    collector.env = {
        "OTEL_TRACES_EXPORTER": "otlp",
        # Milliseconds between two exports.
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
    }
    try:
        yield collector
    finally:
        await server.stop(0)
