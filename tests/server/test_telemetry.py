"""Traces and metrics of real calls, read where they are exported."""

from __future__ import annotations

import asyncio
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from opentelemetry.metrics import CallbackOptions, NoOpMeterProvider
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext

from autoflow import telemetry
from autoflow.client import Client, RpcError
from autoflow.server import ServerSettings, Service
from autoflow.settings import SettingsError
from autoflow.telemetry import Instrument, Kind
from autoflow.telemetry.histograms import Histograms
from autoflow.telemetry.otel import OpenTelemetry
from autoflow.telemetry.setup import switched_on
from autoflow.telemetry.sums import Sums
from autoflow.testing import ScriptedModel, catalogue_of, scripted_scorer, serving
from autoflow.v1.interpreter_service_pb2 import ExecuteWorkflowRequest
from autoflow.v1.model_pb2 import ModelRef
from autoflow.v1.scorer_service_pb2 import ScoreOutputsRequest, ScoreOutputsResponse
from autoflow.v1.workflow_pb2 import Workflow
from autoflow_interpreter.service import build
from tests.collector import collecting

REQUEST = ExecuteWorkflowRequest(
    workflow=Workflow(source="Step 1:::process:::Private words.:::next::Step 2\nStep 2:::terminal:::Answer."),
    query="a private query",
    model=ModelRef(model="scripted"),
)


async def answer(_: ScoreOutputsRequest) -> ScoreOutputsResponse:
    return ScoreOutputsResponse()


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """Everything that the test does, as spans."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with telemetry.listening(OpenTelemetry(provider, NoOpMeterProvider(), Histograms())):
        yield exporter
    provider.shutdown()


def parent_of(span: ReadableSpan) -> int | None:
    return None if span.parent is None else span.parent.span_id


def id_of(span: ReadableSpan) -> int:
    return context_of(span).span_id


def context_of(span: ReadableSpan) -> SpanContext:
    context = span.get_span_context()
    assert context is not None
    return context


async def execute(model: ScriptedModel) -> None:
    async with (
        serving(build({}, catalogue_of(model))) as address,
        Client(interpreter=address) as client,
    ):
        async for _ in client.interpreter.execute_workflow(REQUEST):
            pass


async def test_an_execution_is_one_trace_from_the_client_to_the_model(spans: InMemorySpanExporter) -> None:
    await execute(ScriptedModel(lambda _: "a private answer"))

    found = spans.get_finished_spans()
    client, server = (
        next(span for span in found if span.kind.name == kind and span.name != "llm")
        for kind in ("CLIENT", "SERVER")
    )
    # One step ends before the next begins, and its call before the step.
    steps = [span for span in found if span.name == "workflow.step"]
    models = [span for span in found if span.name == "llm"]
    assert len(found) == 6
    assert parent_of(client) is None
    assert parent_of(server) == id_of(client)
    assert [parent_of(span) for span in steps] == [id_of(server)] * 2
    assert [parent_of(span) for span in models] == [id_of(span) for span in steps]
    assert {context_of(span).trace_id for span in found} == {context_of(client).trace_id}
    assert models[0].attributes is not None
    assert models[0].attributes["gen_ai.usage.output_tokens"] == 3


async def test_no_span_holds_what_was_asked_or_answered(spans: InMemorySpanExporter) -> None:
    await execute(ScriptedModel(lambda _: "a private answer"))

    assert spans.get_finished_spans()
    assert all("rivate" not in span.to_json() for span in spans.get_finished_spans())


async def test_an_error_is_noted_by_its_class_alone(spans: InMemorySpanExporter) -> None:
    def fail(_: object) -> str:
        raise RuntimeError("private words")

    with pytest.raises(RpcError):
        await execute(ScriptedModel(fail))

    found = {span.name: span for span in spans.get_finished_spans()}
    assert found["llm"].attributes is not None
    assert found["llm"].attributes["error.type"] == "RuntimeError"
    assert not found["llm"].status.is_ok
    assert all("rivate" not in span.to_json() for span in found.values())


async def test_spans_reach_a_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    def process(env: Mapping[str, str]) -> None:
        # The exporter's shutdown waits for the collector, which needs this loop.
        with switched_on(env, "interpreter"):
            asyncio.run(execute(ScriptedModel(lambda _: "three little words")))

    async with collecting() as collector:
        # OpenTelemetry's exporter reads the process' own environment.
        for name, value in collector.env.items():
            monkeypatch.setenv(name, value)
        await asyncio.to_thread(process, collector.env)

    method = "autoflow.v1.InterpreterService/ExecuteWorkflow"
    step, model = ("workflow.step", 1), ("llm", 3)
    assert {source for source, _ in collector.spans} == {"autoflow-interpreter"}
    sent = sorted((span.name, span.kind) for _, span in collector.spans)
    assert sent == sorted([(method, 2), (method, 3), step, step, model, model])
    assert len({span.trace_id for _, span in collector.spans}) == 1


async def test_metrics_can_be_scraped(score_request: ScoreOutputsRequest, unused_tcp_port: int) -> None:
    with switched_on(metrics_at(unused_tcp_port), "scorer"):
        await execute(ScriptedModel(lambda _: "three little words"))
        async with (
            serving(Service("scorer", (scripted_scorer(answer),)), ServerSettings("127.0.0.1:0")) as address,
            Client(scorer=address) as client,
        ):
            await client.scorer.score_outputs(score_request)
        scraped = await asyncio.to_thread(scrape, unused_tcp_port)

    lines = [line for line in scraped.splitlines() if not line.startswith("#")]
    served_lines = [line for line in lines if line.startswith("rpc_server_call_duration_seconds_count")]
    (served,) = [line for line in served_lines if "Score" in line]
    assert 'rpc_method="autoflow.v1.ScorerService/ScoreOutputs"' in served
    assert 'rpc_response_status_code="OK"' in served
    assert served.endswith(" 1.0")
    assert any(line.startswith("autoflow_rpc_in_flight") and line.endswith(" 0.0") for line in lines)
    (written,) = [line for line in lines if line.startswith("autoflow_llm_tokens") and '="output"' in line]
    assert written.endswith(" 6.0")
    assert 'gen_ai_request_model="scripted"' in written


async def test_figures_of_a_services_own_can_be_scraped(unused_tcp_port: int) -> None:
    lookups = Instrument("test.lookups", Kind.COUNTER, "Lookups.")
    stage = Instrument("test.stage", Kind.HISTOGRAM, "Time of a stage.", unit="s", bounds=(1.0, 2.0))
    level = Instrument("test.level", Kind.GAUGE, "The last level.")
    queue = Instrument("test.queue", Kind.GAUGE, "What waits.")
    waiting = {"a": 1.0, "b": 2.0}

    with switched_on(metrics_at(unused_tcp_port), "scorer"):
        listener = telemetry.current()
        assert listener is not None
        for metric in waiting:
            listener.watch(queue, partial(waiting.__getitem__, metric), {"metric": metric})
        waiting["b"] = 5.0
        for hits in (2, 3):
            listener.record(lookups, hits, {"result": "hit"})
        listener.record(lookups, 1, {"result": "miss"})
        # As a thread of a service would, which has no context.
        await asyncio.to_thread(listener.record, stage, 0.5, {"metric": "a"})
        listener.record(stage, 1.5, {"metric": "a"})
        listener.record(level, 7, {})
        listener.record(level, 4, {})
        scraped = await asyncio.to_thread(scrape, unused_tcp_port)

    lines = {line for line in scraped.splitlines() if line.startswith("test_") and "_created" not in line}
    assert lines == {
        'test_lookups_total{result="hit"} 5.0',
        'test_lookups_total{result="miss"} 1.0',
        'test_stage_seconds_bucket{le="1.0",metric="a"} 1.0',
        'test_stage_seconds_bucket{le="2.0",metric="a"} 2.0',
        'test_stage_seconds_bucket{le="+Inf",metric="a"} 2.0',
        'test_stage_seconds_count{metric="a"} 2.0',
        'test_stage_seconds_sum{metric="a"} 2.0',
        "test_level 4.0",
        'test_queue{metric="a"} 1.0',
        'test_queue{metric="b"} 5.0',
    }


def test_sums_are_kept_by_their_attributes_from_any_thread() -> None:
    sums = Sums()
    with ThreadPoolExecutor(8) as threads:
        for number in range(4_000):
            threads.submit(sums.add, 1, {"kind": "even" if number % 2 == 0 else "odd"})
    sums.add(-2.5, {"kind": "odd"})
    first = sums.observe(CallbackOptions())
    sums.add(1, {})

    assert {str(told.attributes): told.value for told in first} == {
        "{'kind': 'even'}": 2_000,
        "{'kind': 'odd'}": 1_997.5,
    }
    assert [told.value for told in sums.observe(CallbackOptions()) if not told.attributes] == [1]


def metrics_at(port: int) -> dict[str, str]:
    return {
        "OTEL_METRICS_EXPORTER": "prometheus",
        "OTEL_EXPORTER_PROMETHEUS_HOST": "127.0.0.1",
        "OTEL_EXPORTER_PROMETHEUS_PORT": str(port),
    }


def scrape(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as response:
        text: str = response.read().decode()
        return text


@pytest.mark.parametrize(
    "env",
    [{}, {"OTEL_TRACES_EXPORTER": "none"}, {"OTEL_SDK_DISABLED": "true", "OTEL_TRACES_EXPORTER": "otlp"}],
)
def test_it_is_off_unless_it_is_switched_on(env: dict[str, str]) -> None:
    with switched_on(env, "scorer"):
        assert telemetry.current() is None


def test_an_exporter_that_is_not_there_is_refused() -> None:
    with (
        pytest.raises(SettingsError, match="OTEL_TRACES_EXPORTER"),
        switched_on({"OTEL_TRACES_EXPORTER": "zipkin"}, "scorer"),
    ):
        pass


def test_without_its_libraries_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    # Importing a module that stands as None fails as that of one that is not installed.
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.resources", None)

    with (
        pytest.raises(SettingsError, match=r"autoflow-services\[telemetry\]"),
        switched_on({"OTEL_TRACES_EXPORTER": "otlp"}, "scorer"),
    ):
        pass
