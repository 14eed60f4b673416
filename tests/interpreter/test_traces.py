"""What a trace shows of an execution, and of its plan's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias

from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from autoflow import prompts, telemetry
from autoflow.client.interpreter import InterpreterClient
from autoflow.llm import Message
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


async def test_a_step_s_trace_tells_how_many_answers_it_was_shown(
    interpreting: Interpreting, request_for: Request
) -> None:
    def script(messages: Sequence[Message]) -> str:
        if messages[0] == prompts.selection("", "", [])[0]:
            return "1" if "2. Step 2" in messages[-1].content else "who knows"
        return "a private answer " * 20

    exporter, tracing = InMemorySpanExporter(), TracerProvider()
    tracing.add_span_processor(SimpleSpanProcessor(exporter))
    source = (
        "Step 1:::process:::Private one:::next::Step 2\n"
        "Step 2:::process:::Private two:::next::Step 3\n"
        "Step 3:::terminal:::Private three\n"
    )
    with telemetry.listening(OpenTelemetry(tracing, NoOpMeterProvider(), Histograms())):
        async with interpreting(ScriptedModel(script), interpreter_memory_tokens=100) as client:
            async for _ in client.execute_workflow(request_for(source, memory=pb.MEMORY_STRATEGY_DIRECT)):
                pass
    tracing.shutdown()
    spans = exporter.get_finished_spans()

    recalls = [span for span in spans if span.name == "memory.recall"]
    assert [_attributes(span) for span in recalls] == [
        {"autoflow.memory.entries": 1},
        {"autoflow.memory.entries": 2},
    ]
    questions = [span for span in spans if span.name == "llm" and _parent(span) in set(map(_id, recalls))]
    assert len(questions) == 2 + 1
    counts = [_attributes(span) for span in spans if span.name == "memory.recalled"]
    assert counts == [
        {"autoflow.memory.shown": 0, "autoflow.memory.cut": 0, "autoflow.memory.unread": 1},
        {"autoflow.memory.shown": 1, "autoflow.memory.cut": 1, "autoflow.memory.unread": 0},
    ]
    assert all("rivate" not in span.to_json() for span in spans)


def _attributes(span: ReadableSpan) -> dict[str, object]:
    return dict(span.attributes or {})


def _id(span: ReadableSpan) -> int:
    found: int = span.context.span_id
    return found


def _parent(span: ReadableSpan) -> int:
    assert span.parent is not None
    found: int = span.parent.span_id
    return found
