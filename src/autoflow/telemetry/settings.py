"""The standard variables of OpenTelemetry that this system reads, or whose libraries read them."""

from __future__ import annotations

from dataclasses import dataclass, field

from autoflow.settings import SettingsError

PREFIX = "OTEL_"
"""What every variable of `TelemetrySettings` begins with."""

_TRACES = ("none", "otlp", "console")
_METRICS = ("none", "prometheus")


@dataclass(frozen=True, slots=True)
class TelemetrySettings:
    """Settings of traces and metrics, `OTEL_TRACES_EXPORTER` and so on, as OpenTelemetry defines them.

    Further standard variables, such as `OTEL_BSP_SCHEDULE_DELAY` or `OTEL_RESOURCE_ATTRIBUTES`, are read by
    OpenTelemetry's own libraries.
    """

    sdk_disabled: bool = False
    """Switches traces and metrics off, whatever else is set."""
    service_name: str = ""
    """What this process is called in traces and metrics. Default: `autoflow-` and the service's name."""
    traces_exporter: str = "none"
    """Where spans go: `otlp` (over gRPC), `console` (standard error) or `none`."""
    exporter_otlp_endpoint: str = "http://localhost:4317"
    """The collector's URL. With `http://` the connection is not encrypted."""
    exporter_otlp_headers: str = field(default="", repr=False)
    """Metadata for the collector, `key=value` with commas between; may hold a secret."""
    traces_sampler: str = "parentbased_always_on"
    """Which traces are kept: `always_on`, `always_off`, `traceidratio`, or one of these after
    `parentbased_`."""
    traces_sampler_arg: str = ""
    """The share of traces that `traceidratio` keeps, 0 to 1."""
    metrics_exporter: str = "none"
    """`prometheus`: metrics can be read over HTTP; or `none`."""
    exporter_prometheus_host: str = "localhost"
    """Where the metrics can be read, without encryption or identities."""
    exporter_prometheus_port: int = 9464
    """The port; one process to each."""

    def __post_init__(self) -> None:
        """Refuses exporters that are not there, and ports that no machine has."""
        _one_of("OTEL_TRACES_EXPORTER", self.traces_exporter, _TRACES)
        _one_of("OTEL_METRICS_EXPORTER", self.metrics_exporter, _METRICS)
        if not 0 < self.exporter_prometheus_port < 65536:
            raise SettingsError("OTEL_EXPORTER_PROMETHEUS_PORT must be a port, 1 to 65535")

    @property
    def traces(self) -> bool:
        """Whether spans are made."""
        return not self.sdk_disabled and self.traces_exporter != "none"

    @property
    def metrics(self) -> bool:
        """Whether metrics are kept."""
        return not self.sdk_disabled and self.metrics_exporter != "none"


def _one_of(variable: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise SettingsError(f"{variable} must be one of: {', '.join(known)}")
