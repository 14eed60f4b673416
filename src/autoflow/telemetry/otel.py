"""Spans and metrics through OpenTelemetry's API.

Own code rather than `opentelemetry-instrumentation-grpc`: the server's interceptor already knows method, code
and refusals, so a call costs one span and one record, and methods of health and reflection are left out.
What is summed up or counted by size is kept here, and read when the metrics are.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from threading import Lock
from typing import TYPE_CHECKING, TypeAlias

from opentelemetry import context as otel_context
from opentelemetry.metrics import MeterProvider, Observation
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Span, SpanKind, StatusCode, TracerProvider, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from autoflow.telemetry import Attributes, Instrument, Kind, Metadata, ModelCall, Outcome
from autoflow.telemetry.histograms import Histograms
from autoflow.telemetry.spans import Spans
from autoflow.telemetry.sums import Sums

if TYPE_CHECKING:
    from autoflow.llm.base import Usage

_SCOPE = "autoflow"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
"""Bounds of the histograms' buckets: from a lint to a whole generation."""
_SERVED = Instrument(
    "rpc.server.call.duration", Kind.HISTOGRAM, "Time that calls took to answer.", "s", _SECONDS
)
_CALLED = Instrument(
    "rpc.client.call.duration", Kind.HISTOGRAM, "Time that calls of other services took.", "s", _SECONDS
)
_MODEL = Instrument(
    "autoflow.llm.call.duration", Kind.HISTOGRAM, "Time that calls of language models took.", "s", _SECONDS
)
_FAULTS = frozenset({"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"})
"""Codes that are errors of a server's span; the others are the caller's doing."""

_Record: TypeAlias = Callable[[float, Mapping[str, str]], None]


class OpenTelemetry:
    """Listens for one process.

    Args:
        tracers: make what makes spans.
        meters: make what makes the instruments.
        histograms: make those of this kind.
    """

    def __init__(self, tracers: TracerProvider, meters: MeterProvider, histograms: Histograms) -> None:
        self._tracer = tracers.get_tracer(_SCOPE)
        self._spans = Spans(self._tracer, InstrumentationScope(_SCOPE, ""))
        self._meter = meter = meters.get_meter(_SCOPE)
        self._histograms = histograms
        self._lock = Lock()
        self._records: dict[str, _Record] = {}
        self._watched: dict[str, list[tuple[Callable[[], float], Mapping[str, str]]]] = {}
        self._propagator = TraceContextTextMapPropagator()
        self._served = histograms.make(_SERVED)
        self._called = histograms.make(_CALLED)
        self._model = histograms.make(_MODEL)
        self._in_flight, self._refused, self._tokens, self._cost = Sums(), Sums(), Sums(), Sums()
        meter.create_observable_up_down_counter(
            "autoflow.rpc.in_flight", [self._in_flight.observe], description="Calls that are being answered."
        )
        meter.create_observable_counter(
            "autoflow.rpc.refused",
            [self._refused.observe],
            description="Calls refused before their handler: too many, or not serving.",
        )
        meter.create_observable_counter(
            "autoflow.llm.tokens", [self._tokens.observe], description="Tokens read and written."
        )
        meter.create_observable_counter(
            "autoflow.llm.cost_usd", [self._cost.observe], description="By the catalogue's prices."
        )

    def span(self, name: str, attributes: Attributes) -> AbstractContextManager[None]:
        """A span around a block."""
        return self._spans.around(name, attributes)

    def record(self, instrument: Instrument, value: float, attributes: Mapping[str, str]) -> None:
        """Notes a value of an instrument, which is made with the first."""
        with self._lock:
            record = self._records.get(instrument.name)
            if record is None:
                record = self._records[instrument.name] = self._made(instrument)
        record(value, attributes)

    def watch(self, instrument: Instrument, read: Callable[[], float], attributes: Mapping[str, str]) -> None:
        """Reads a gauge whenever metrics are read."""
        with self._lock:
            watched = self._watched.get(instrument.name)
            if watched is None:
                watched = self._watched[instrument.name] = []
                self._meter.create_observable_gauge(
                    instrument.name,
                    [lambda _: [Observation(read(), attributes) for read, attributes in watched]],
                    unit=instrument.unit,
                    description=instrument.description,
                )
            watched.append((read, attributes))

    @contextmanager
    def served(
        self, method: str, metadata: Sequence[tuple[str, str | bytes]], outcome: Outcome
    ) -> Iterator[None]:
        """A span and the figures of a call that is answered here."""
        name, attributes = _of_method(method)
        headers = {key: value for key, value in metadata if isinstance(value, str)}
        parent = self._propagator.extract(headers, context=otel_context.Context())
        span = self._tracer.start_span(name, context=parent, kind=SpanKind.SERVER, attributes=attributes)
        started = time.perf_counter()
        self._in_flight.add(1, attributes)
        current = otel_context.attach(set_span_in_context(span))
        try:
            yield
        finally:
            otel_context.detach(current)
            self._in_flight.add(-1, attributes)
            if not outcome.admitted:
                self._refused.add(1, attributes)
            labels = {**attributes, "rpc.response.status_code": outcome.code}
            self._served.record(time.perf_counter() - started, labels)
            _end(span, outcome.code, outcome.code in _FAULTS)

    @contextmanager
    def called(self, method: str, outcome: Outcome) -> Iterator[Metadata]:
        """A span and the figures of a call of another service.

        The span never is the current one: whoever reads a stream does other things between two answers.
        """
        name, attributes = _of_method(method)
        span = self._tracer.start_span(name, kind=SpanKind.CLIENT, attributes=attributes)
        carrier: dict[str, str] = {}
        self._propagator.inject(carrier, set_span_in_context(span))
        started = time.perf_counter()
        try:
            yield tuple(carrier.items())
        finally:
            labels = {**attributes, "rpc.response.status_code": outcome.code}
            self._called.record(time.perf_counter() - started, labels)
            _end(span, outcome.code, outcome.code != "OK")

    @contextmanager
    def model(self, name: str, call: ModelCall) -> Iterator[None]:
        """A span and the figures of a call of a language model.

        The span is made when the call has ended, with all that it says, and so never is the current one:
        nothing below such a call has spans, and filling in a span bit by bit costs more.
        """
        started_at, started, error = time.time_ns(), time.perf_counter(), ""
        try:
            yield
        except BaseException as raised:
            error = type(raised).__name__
            raise
        finally:
            labels = {"gen_ai.request.model": name, "error.type": error or "none"}
            self._model.record(time.perf_counter() - started, labels)
            self._tell_model_call(name, call.usage, error, started_at)

    def _tell_model_call(self, name: str, usage: Usage | None, error: str, started_at: int) -> None:
        attributes: dict[str, str | int] = {"gen_ai.request.model": name}
        if usage is not None:
            attributes["gen_ai.usage.input_tokens"] = usage.prompt_tokens
            attributes["gen_ai.usage.output_tokens"] = usage.completion_tokens
            labels = {"gen_ai.request.model": name}
            self._tokens.add(usage.prompt_tokens, {**labels, "gen_ai.token.type": "input"})
            self._tokens.add(usage.completion_tokens, {**labels, "gen_ai.token.type": "output"})
            if usage.cost_usd:
                self._cost.add(usage.cost_usd, labels)
        self._spans.ended("llm", attributes, SpanKind.CLIENT, started_at, error)

    def _made(self, instrument: Instrument) -> _Record:
        """Makes an instrument, and gives what notes a value of it."""
        name, unit, description = instrument.name, instrument.unit, instrument.description
        match instrument.kind:
            case Kind.COUNTER:
                sums = Sums()
                self._meter.create_observable_counter(
                    name, [sums.observe], unit=unit, description=description
                )
                return sums.add
            case Kind.HISTOGRAM:
                return self._histograms.make(instrument).record
            case Kind.GAUGE:
                return self._meter.create_gauge(name, unit, description).set


def _of_method(method: str) -> tuple[str, dict[str, str]]:
    name = method.lstrip("/")
    return name, {"rpc.system.name": "grpc", "rpc.method": name}


def _end(span: Span, code: str, failed: bool) -> None:
    span.set_attribute("rpc.response.status_code", code)
    if failed:
        span.set_status(StatusCode.ERROR)
    span.end()
