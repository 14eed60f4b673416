"""What a trace shows of a plan's execution."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias

from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from autoflow import telemetry
from autoflow.client.interpreter import InterpreterClient
from autoflow.telemetry.histograms import Histograms
from autoflow.telemetry.otel import OpenTelemetry
from autoflow.testing import ScriptedModel
from autoflow.v1 import interpreter_service_pb2 as pb
from autoflow.v1 import task_pb2
from tests.interpreter.provided import DRAW, LOUDER, provider, samples

Interpreting: TypeAlias = Callable[..., AbstractAsyncContextManager[InterpreterClient]]
Request: TypeAlias = Callable[..., pb.ExecuteWorkflowRequest]


async def test_an_execution_s_trace_goes_on_in_its_plan_and_in_its_tools(
    interpreting: Interpreting, request_for: Request
) -> None:
    exporter, tracing = InMemorySpanExporter(), TracerProvider()
    tracing.add_span_processor(SimpleSpanProcessor(exporter))
    plan = pb.PlanTarget(samples=samples("hush", "silence"), output=task_pb2.CONTENT_TYPE_IMAGE)
    with telemetry.listening(OpenTelemetry(tracing, NoOpMeterProvider(), Histograms())):
        async with interpreting(
            ScriptedModel(lambda messages: "Louder, Draw"), tools=[provider("a", LOUDER, DRAW)]
        ) as client:
            request = request_for("Step 1:::terminal:::Give the plan\n", plan=plan)
            async for _ in client.execute_workflow(request):
                pass
    tracing.shutdown()
    spans = exporter.get_finished_spans()

    (executed,) = [span for span in spans if span.name == "plan.execute"]
    assert executed.attributes == {"autoflow.plan.steps": 2, "autoflow.plan.samples": 2}
    called = [span for span in spans if span.name == "tool.call"]
    assert [_attributes(span) for span in called] == [
        {"autoflow.tool.name": "Louder", "autoflow.tool.samples": 2},
        {"autoflow.tool.name": "Draw", "autoflow.tool.samples": 1},
    ]
    assert {_parent(span) for span in called} == {_id(executed)}
    served = [span for span in spans if span.name.endswith("/CallTool") and span.kind.name == "SERVER"]
    sent = {
        _id(span): span for span in spans if span.name.endswith("/CallTool") and span.kind.name == "CLIENT"
    }
    assert [_parent(sent[_parent(span)]) for span in served] == [_id(span) for span in called]
    assert len({span.context.trace_id for span in (executed, *called, *served)}) == 1


def _attributes(span: ReadableSpan) -> dict[str, object]:
    return dict(span.attributes or {})


def _id(span: ReadableSpan) -> int:
    found: int = span.context.span_id
    return found


def _parent(span: ReadableSpan) -> int:
    assert span.parent is not None
    found: int = span.parent.span_id
    return found
