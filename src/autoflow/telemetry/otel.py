"""Spans and metrics through OpenTelemetry's API.

Own code rather than `opentelemetry-instrumentation-grpc`: the server's interceptor already knows method, code
and refusals, so a call costs one span and two records, and methods of health and reflection are left out.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from opentelemetry import context as otel_context
from opentelemetry.metrics import Meter
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, set_span_in_context, use_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from autoflow.telemetry import Attributes, Metadata, ModelCall, Outcome

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
"""Bounds of the histograms' buckets: from a lint to a whole generation."""
_FAULTS = frozenset({"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"})
"""Codes that are errors of a server's span; the others are the caller's doing."""


class OpenTelemetry:
    """Listens for one process.

    Args:
        tracer: makes spans.
        meter: makes the instruments.
    """

    def __init__(self, tracer: Tracer, meter: Meter) -> None:
        self._tracer = tracer
        self._propagator = TraceContextTextMapPropagator()
        self._served = meter.create_histogram(
            "rpc.server.call.duration",
            unit="s",
            description="Time that calls took to answer.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self._called = meter.create_histogram(
            "rpc.client.call.duration",
            unit="s",
            description="Time that calls of other services took.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self._in_flight = meter.create_up_down_counter(
            "autoflow.rpc.in_flight", description="Calls that are being answered."
        )
        self._refused = meter.create_counter(
            "autoflow.rpc.refused",
            description="Calls refused before their handler: too many, or not serving.",
        )
        self._model = meter.create_histogram(
            "autoflow.llm.call.duration",
            unit="s",
            description="Time that calls of language models took.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self._tokens = meter.create_counter("autoflow.llm.tokens", description="Tokens read and written.")
        self._cost = meter.create_counter("autoflow.llm.cost_usd", description="By the catalogue's prices.")

    @contextmanager
    def span(self, name: str, attributes: Attributes) -> Iterator[None]:
        """A span around a block."""
        with self._spanning(self._tracer.start_span(name, attributes=attributes)):
            yield

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
        try:
            with use_span(span, end_on_exit=False, record_exception=False, set_status_on_exception=False):
                yield
        finally:
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
        """A span and the figures of a call of a language model."""
        attributes = {"gen_ai.request.model": name}
        span = self._tracer.start_span("llm", kind=SpanKind.CLIENT, attributes=attributes)
        started = time.perf_counter()
        error = "none"
        try:
            with self._spanning(span):
                yield
                self._count(span, attributes, call)
        except BaseException as raised:
            error = type(raised).__name__
            raise
        finally:
            self._model.record(time.perf_counter() - started, {**attributes, "error.type": error})

    def _count(self, span: Span, attributes: dict[str, str], call: ModelCall) -> None:
        usage = call.usage
        if usage is None:
            return
        span.set_attributes(
            {
                "gen_ai.usage.input_tokens": usage.prompt_tokens,
                "gen_ai.usage.output_tokens": usage.completion_tokens,
            }
        )
        self._tokens.add(usage.prompt_tokens, {**attributes, "gen_ai.token.type": "input"})
        self._tokens.add(usage.completion_tokens, {**attributes, "gen_ai.token.type": "output"})
        if usage.cost_usd:
            self._cost.add(usage.cost_usd, attributes)

    @contextmanager
    def _spanning(self, span: Span) -> Iterator[None]:
        try:
            # An error's message may quote what a model has read, so OpenTelemetry is kept from noting it.
            with use_span(span, end_on_exit=False, record_exception=False, set_status_on_exception=False):
                yield
        except GeneratorExit:
            raise
        except BaseException as error:
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(StatusCode.ERROR)
            raise
        finally:
            span.end()


def _of_method(method: str) -> tuple[str, dict[str, str]]:
    name = method.lstrip("/")
    return name, {"rpc.system.name": "grpc", "rpc.method": name}


def _end(span: Span, code: str, failed: bool) -> None:
    span.set_attribute("rpc.response.status_code", code)
    if failed:
        span.set_status(StatusCode.ERROR)
    span.end()
