"""Switches telemetry on for a process, where its environment says so.

What the variables mean is OpenTelemetry's to say; `TelemetrySettings` lists those that are read here. The
others are read by OpenTelemetry's libraries, from the process' own environment.

The port of the metrics is open to whoever reaches it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from autoflow.settings import SettingsError, from_env
from autoflow.telemetry import listening
from autoflow.telemetry.settings import PREFIX, TelemetrySettings

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.trace import TracerProvider

    from autoflow.telemetry.histograms import Histograms


@contextmanager
def switched_on(env: Mapping[str, str], service: str, *, metrics: bool = True) -> Iterator[None]:
    """Exports what happens in the block, if the environment asks for it; at the end, what is left is sent.

    Args:
        env: the environment.
        service: the service's name, where the environment has none.
        metrics: whether this process may open a port for metrics.

    Raises:
        SettingsError: a variable cannot be read, or telemetry is on and its libraries are not installed.
        OSError: the port of the metrics is taken.
    """
    settings = from_env(TelemetrySettings, env, prefix=PREFIX)
    metrics = metrics and settings.metrics
    if not (settings.traces or metrics):
        yield
        return
    with ExitStack() as stack:
        try:
            from opentelemetry.metrics import NoOpMeterProvider
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.trace import NoOpTracerProvider

            from autoflow.telemetry.histograms import Histograms
            from autoflow.telemetry.otel import OpenTelemetry

            resource = Resource.create({"service.name": settings.service_name or f"autoflow-{service}"})
            tracers = _tracers(settings, resource, stack) if settings.traces else NoOpTracerProvider()
            histograms = Histograms()
            meters = _meters(settings, resource, histograms, stack) if metrics else NoOpMeterProvider()
        except ImportError as error:
            raise SettingsError(
                f"OTEL_TRACES_EXPORTER or OTEL_METRICS_EXPORTER is set, but {error.name} is not installed: "
                "pip install 'autoflow-services[telemetry]'"
            ) from None
        stack.enter_context(listening(OpenTelemetry(tracers, meters, histograms)))
        yield


def _tracers(settings: TelemetrySettings, resource: Resource, stack: ExitStack) -> TracerProvider:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SimpleSpanProcessor

    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    stack.callback(provider.shutdown)
    if settings.traces_exporter == "console":
        # Standard output belongs to whoever starts the process.
        provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(out=sys.stderr)))
    else:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


def _meters(
    settings: TelemetrySettings, resource: Resource, histograms: Histograms, stack: ExitStack
) -> MeterProvider:
    from opentelemetry.exporter.prometheus import PrometheusMetricReader
    from opentelemetry.sdk.metrics import MeterProvider
    from prometheus_client import CollectorRegistry, start_http_server

    registry = CollectorRegistry()
    reader = PrometheusMetricReader(scope_info_enabled=False, registry=registry)
    registry.register(histograms)
    provider = MeterProvider([reader], resource, shutdown_on_exit=False)
    stack.callback(provider.shutdown)
    host, port = settings.exporter_prometheus_host, settings.exporter_prometheus_port
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        raise OSError(f"cannot serve metrics on {host}:{port}: {error.strerror}") from error
    stack.callback(thread.join, 5.0)
    stack.callback(server.server_close)
    stack.callback(server.shutdown)
    return provider
