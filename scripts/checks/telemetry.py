"""The exporters of spans and metrics: `telemetry.py PORT`, a free one, on which the metrics are read."""

from __future__ import annotations

import sys
from urllib.request import urlopen

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

from autoflow import telemetry
from autoflow.telemetry.setup import switched_on


def _main(port: str) -> None:
    OTLPSpanExporter(endpoint="http://127.0.0.1:1").shutdown()
    env = {
        "OTEL_TRACES_EXPORTER": "console",
        "OTEL_METRICS_EXPORTER": "prometheus",
        "OTEL_EXPORTER_PROMETHEUS_HOST": "127.0.0.1",
        "OTEL_EXPORTER_PROMETHEUS_PORT": port,
    }
    with switched_on(env, "check"):
        with telemetry.called("/autoflow.v1.ScorerService/ListMetrics", telemetry.Outcome("OK")) as metadata:
            assert "traceparent" in dict(metadata), metadata
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            page = answer.read().decode()
    assert "rpc_client_call_duration" in page, page


if __name__ == "__main__":
    _main(sys.argv[1])
