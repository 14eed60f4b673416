"""Spans within a process are exported as those that OpenTelemetry's own tracer makes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span
from opentelemetry.sdk import trace as sdk
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased, Sampler
from opentelemetry.trace import NonRecordingSpan, Tracer, TracerProvider, get_current_span

from autoflow.llm import Usage
from autoflow.telemetry import ModelCall, Outcome
from autoflow.telemetry.histograms import Histograms
from autoflow.telemetry.otel import OpenTelemetry

KEPT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
NOT_KEPT = f"{KEPT[:-1]}0"


class ForeignTracer(Tracer):
    """The SDK's tracer, which does not tell that it is: it makes every span."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def start_span(self, *args: Any, **kwargs: Any) -> Any:
        return self._tracer.start_span(*args, **kwargs)

    def start_as_current_span(self, *args: Any, **kwargs: Any) -> Any:
        return self._tracer.start_as_current_span(*args, **kwargs)


class ForeignTracers(TracerProvider):
    def __init__(self, tracers: TracerProvider) -> None:
        self._tracers = tracers

    def get_tracer(self, *args: Any, **kwargs: Any) -> Tracer:
        return ForeignTracer(self._tracers.get_tracer(*args, **kwargs))


def work(listener: OpenTelemetry, traceparent: str = KEPT) -> None:
    """A call that is answered in two steps, the second of which fails, as does its model."""
    metadata = (("traceparent", traceparent), ("tracestate", "vendor=1"))
    with listener.served("/a.Service/Method", metadata, Outcome("OK")):
        with (
            listener.span("step", {"index": 0, "type": "process"}),
            listener.model("mock", call := ModelCall()),
        ):
            call.usage = Usage(1, 20, 3)
        with suppress(ValueError), listener.span("step", {"index": 1, "type": "terminal"}):
            with listener.called("/a.Service/Other", Outcome("UNAVAILABLE")):
                pass
            with listener.model("mock", ModelCall()):
                raise ValueError("private words")
    # Of a run's worker, which nobody calls.
    with listener.span("iteration", {"index": 0}), listener.model("mock", ModelCall()):
        pass


def exported(
    *, foreign: bool, sampler: Sampler | None = None, traceparent: str = KEPT
) -> list[ResourceSpans]:
    """What a collector is sent of the work."""
    exporter = InMemorySpanExporter()
    tracers = sdk.TracerProvider(sampler, Resource({"service.name": "test"}), shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(exporter))
    work(
        OpenTelemetry(ForeignTracers(tracers) if foreign else tracers, NoOpMeterProvider(), Histograms()),
        traceparent,
    )
    return list(encode_spans(exporter.get_finished_spans()).resource_spans)


def spans_of(sent: Sequence[ResourceSpans]) -> list[Span]:
    return [span for resource in sent for scope in resource.scope_spans for span in scope.spans]


def anonymous(sent: Sequence[ResourceSpans]) -> list[ResourceSpans]:
    """The same without times, and numbered in the order in which they ended instead of drawn."""
    numbers: dict[bytes, bytes] = {}
    for span in spans_of(sent):
        numbers[span.span_id] = f"span {len(numbers)}".encode()
        numbers.setdefault(span.trace_id, f"trace {len(numbers)}".encode())
    for span in spans_of(sent):
        span.span_id, span.trace_id = numbers[span.span_id], numbers[span.trace_id]
        span.parent_span_id = numbers.get(span.parent_span_id, span.parent_span_id)
        span.start_time_unix_nano = span.end_time_unix_nano = 0
    return list(sent)


@pytest.mark.parametrize(
    "limits",
    [
        {},
        {"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "1"},
        {"OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "2"},
    ],
)
def test_they_are_what_the_tracer_makes(monkeypatch: pytest.MonkeyPatch, limits: dict[str, str]) -> None:
    for name, value in limits.items():
        monkeypatch.setenv(name, value)

    sent = anonymous(exported(foreign=False))

    assert len(spans_of(sent)) == 8
    assert sent == anonymous(exported(foreign=True))


def test_they_lie_within_the_span_above() -> None:
    found = spans_of(exported(foreign=False))

    by_id = {span.span_id: span for span in found}
    below = [(span, by_id[span.parent_span_id]) for span in found if span.parent_span_id in by_id]
    assert len(below) == 6
    for span, above in below:
        assert above.start_time_unix_nano <= span.start_time_unix_nano
        assert span.start_time_unix_nano <= span.end_time_unix_nano <= above.end_time_unix_nano


@pytest.mark.parametrize("sampler", [ALWAYS_ON, ALWAYS_OFF, ParentBased(ALWAYS_OFF), ParentBased(ALWAYS_ON)])
@pytest.mark.parametrize("traceparent", [KEPT, NOT_KEPT])
def test_they_are_kept_where_the_tracer_keeps_them(sampler: Sampler, traceparent: str) -> None:
    ours, tracers = (
        exported(foreign=foreign, sampler=sampler, traceparent=traceparent) for foreign in (False, True)
    )

    assert anonymous(ours) == anonymous(tracers)


def test_the_current_span_is_the_one_that_is_sent() -> None:
    exporter = InMemorySpanExporter()
    tracers = sdk.TracerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(exporter))
    listener = OpenTelemetry(tracers, NoOpMeterProvider(), Histograms())

    with listener.span("iteration", {}), listener.span("step", {}):
        current = get_current_span()

    assert isinstance(current, NonRecordingSpan)
    assert exporter.get_finished_spans()[0].context == current.get_span_context()
