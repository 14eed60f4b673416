"""Spans of what happens within a process, most of them at a fraction of what OpenTelemetry's tracer takes.

Below another span of the same process, as the steps of an execution and its calls of models are, a span needs
little: whether it is kept is decided with the one above; its attributes are few and of plain types; nobody
else writes to it. So nothing is made before it ends, and then only what the tracer would hand to its
processors, a `ReadableSpan`. All others are the tracer's own: roots, and calls that come in or go out.

Left out: samplers are not asked about such a span by itself, processors do not hear of its start, and
attributes that others set on the current span are lost where it is one of these. The SDK's limits hold.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType

from opentelemetry import context as otel_context
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits
from opentelemetry.sdk.trace import Tracer as SdkTracer
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    Tracer,
    get_current_span,
    set_span_in_context,
)

from autoflow.telemetry import Attributes

_MOST_ATTRIBUTES = 8
"""Above what any of these spans has."""
_UNSET, _ERROR = Status(StatusCode.UNSET), Status(StatusCode.ERROR)


class Spans:
    """Makes spans around blocks, and of what is over already.

    Args:
        tracer: makes those that have none above; any but the SDK's makes all.
        scope: what the tracer calls itself.
    """

    def __init__(self, tracer: Tracer, scope: InstrumentationScope) -> None:
        self._tracer = tracer
        self._inner = _InnerSpans(tracer, scope) if isinstance(tracer, SdkTracer) else None

    def around(self, name: str, attributes: Attributes) -> AbstractContextManager[None]:
        """A span around a block, the current one in it; its error's class is noted."""
        above = get_current_span().get_span_context()
        if self._inner is None or not above.is_valid or above.is_remote:
            return _Outer(self._tracer.start_span(name, attributes=attributes))
        if not above.trace_flags.sampled:
            return nullcontext()
        return _Inner(self._inner, name, attributes, above)

    def ended(self, name: str, attributes: Attributes, kind: SpanKind, started_at: int, error: str) -> None:
        """A span that ends now, and never was the current one.

        Args:
            name: the span's.
            attributes: the span's.
            kind: the span's.
            started_at: nanoseconds since 1970.
            error: the class of the error that ended it; empty where none did.
        """
        above = get_current_span().get_span_context()
        if self._inner is None or not above.is_valid or above.is_remote:
            _end(
                self._tracer.start_span(name, kind=kind, attributes=attributes, start_time=started_at), error
            )
        elif above.trace_flags.sampled:
            self._inner.ended(name, attributes, kind, started_at, error, above, self._inner.below(above))


class _InnerSpans:
    def __init__(self, tracer: SdkTracer, scope: InstrumentationScope) -> None:
        self._tracer = tracer
        self._scope = scope
        limits = SpanLimits()
        self._most, self._longest = limits.max_span_attributes, limits.max_span_attribute_length
        self._limited = self._longest is not None or (
            self._most is not None and self._most < _MOST_ATTRIBUTES
        )

    def below(self, above: SpanContext) -> SpanContext:
        """Draws a span's place below another."""
        span_id = self._tracer.id_generator.generate_span_id()
        return SpanContext(above.trace_id, span_id, False, above.trace_flags, above.trace_state)

    def ended(
        self,
        name: str,
        attributes: Attributes,
        kind: SpanKind,
        started_at: int,
        error: str,
        above: SpanContext,
        context: SpanContext,
    ) -> None:
        """Hands on a span that ends now, with what `below` drew for it."""
        told = {**attributes, "error.type": error} if error else dict(attributes)
        span = ReadableSpan(
            name,
            context=context,
            parent=above,
            resource=self._tracer.resource,
            attributes=self._bounded(told) if self._limited else told,
            kind=kind,
            status=_ERROR if error else _UNSET,
            start_time=started_at,
            end_time=time.time_ns(),
            instrumentation_scope=self._scope,
        )
        self._tracer.span_processor.on_end(span)

    def _bounded(self, attributes: Attributes) -> BoundedAttributes:
        return BoundedAttributes(self._most, attributes, max_value_len=self._longest)


class _Block(AbstractContextManager[None]):
    """Makes a span the current one, and ends it.

    OpenTelemetry's own `use_span` would note an error's message, which may quote what a model has read, or
    nothing of the error at all.
    """

    __slots__ = ("_span", "_token")

    def __init__(self, span: Span) -> None:
        self._span = span

    def __enter__(self) -> None:
        self._token = otel_context.attach(set_span_in_context(self._span))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        otel_context.detach(self._token)
        self._end("" if kind is None or kind is GeneratorExit else kind.__name__)

    @abstractmethod
    def _end(self, error: str) -> None:
        """Ends the span; `error` is the class of the block's, empty without one."""


class _Outer(_Block):
    __slots__ = ()

    def _end(self, error: str) -> None:
        _end(self._span, error)


class _Inner(_Block):
    __slots__ = ("_above", "_attributes", "_name", "_spans", "_started_at")

    def __init__(self, spans: _InnerSpans, name: str, attributes: Attributes, above: SpanContext) -> None:
        super().__init__(NonRecordingSpan(spans.below(above)))
        self._spans = spans
        self._name = name
        self._attributes = attributes
        self._above = above
        self._started_at = time.time_ns()

    def _end(self, error: str) -> None:
        context = self._span.get_span_context()
        self._spans.ended(
            self._name, self._attributes, SpanKind.INTERNAL, self._started_at, error, self._above, context
        )


def _end(span: Span, error: str) -> None:
    if error:
        span.set_attribute("error.type", error)
        span.set_status(StatusCode.ERROR)
    span.end()
