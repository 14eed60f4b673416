"""Traces that go through several services, processes and threads."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import format_span_id

from autoflow import telemetry
from autoflow.client import Client, SyncClient
from autoflow.llm import Capabilities
from autoflow.server import Service
from autoflow.telemetry.histograms import Histograms
from autoflow.telemetry.otel import OpenTelemetry
from autoflow.testing import CoroutineLauncher, ScriptedModel, catalogue_of, scripted_scorer, serving
from autoflow.v1.generator_service_pb2 import GenerateWorkflowsRequest, LintWorkflowRequest
from autoflow.v1.model_pb2 import ModelRef
from autoflow.v1.scorer_service_pb2 import ScoreOutputsRequest, ScoreOutputsResponse
from autoflow.v1.trainer_service_pb2 import ListRunsRequest
from autoflow.v1.workflow_pb2 import Workflow
from autoflow_generator.service import build
from tests.cli.harness import DEADLINE, finish, start
from tests.collector import collecting
from tests.trainer.harness import Workers, trainer

SOURCE = "Step 1:::terminal:::Answer."
LINT = LintWorkflowRequest(workflow=Workflow(source=SOURCE))


@pytest.fixture
def provider() -> Iterator[TracerProvider]:
    """This process' own spans; what the test does is listened to."""
    provider = TracerProvider()
    with telemetry.listening(OpenTelemetry(provider, NoOpMeterProvider(), Histograms())):
        yield provider
    provider.shutdown()


@pytest.fixture
def spans(provider: TracerProvider) -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return exporter


async def test_one_trace_goes_through_the_services_of_autoflow_up(
    tmp_path: Path, provider: TracerProvider
) -> None:
    async with collecting() as collector:
        env = {"AUTOFLOW_PRELOAD_MODELS": "none", **collector.env}
        process = await start("up", "--data", str(tmp_path), "--port", "0", "--json", env=env)
        assert process.stdout is not None
        async with asyncio.timeout(DEADLINE):
            told = json.loads(await process.stdout.readline())["services"]
        async with Client.of(told) as client:
            with provider.get_tracer("test").start_as_current_span("program") as program:
                await client.generator.lint_workflow(LINT)
                await client.trainer.list_runs(ListRunsRequest())
        # It sends what it has before it ends.
        process.send_signal(signal.SIGTERM)
        assert (await finish(process)).code == 0

    trace = program.get_span_context().trace_id.to_bytes(16)
    found = {(source, span.name) for source, span in collector.spans if span.trace_id == trace}
    assert found == {
        ("autoflow-up", "autoflow.v1.GeneratorService/LintWorkflow"),
        ("autoflow-up", "autoflow.v1.TrainerService/ListRuns"),
    }


async def test_a_workers_trace_goes_on_in_the_trainer(tmp_path: Path, spans: InMemorySpanExporter) -> None:
    workers = Workers()
    async with collecting() as collector, trainer(tmp_path, CoroutineLauncher(workers.work)) as running:
        await running.create()
        name, token, dismissed = await workers.next()
        nowhere = {f"AUTOFLOW_{one}_ADDRESS": "127.0.0.1:1" for one in ("GENERATOR", "INTERPRETER", "SCORER")}
        env = {
            **os.environ,
            **nowhere,
            **collector.env,
            "AUTOFLOW_TRAINER_ADDRESS": running.address,
            "AUTOFLOW_ARTIFACTS": str(tmp_path / "artifacts"),
            "AUTOFLOW_RUN_TOKEN": token,
        }
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "autoflow_worker", name), env=env, stderr=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(DEADLINE):
            source, sent = await collector.first("autoflow.v1.RunWorkerService/LeaseRun")
        process.kill()
        await process.communicate()
        dismissed.set()

    (served,) = [span for span in spans.get_finished_spans() if span.name == sent.name]
    assert source == "autoflow-worker"
    assert served.parent is not None
    assert format_span_id(served.parent.span_id) == sent.span_id.hex()


async def test_the_synchronous_clients_calls_belong_to_the_programs_trace(
    provider: TracerProvider, spans: InMemorySpanExporter, score_request: ScoreOutputsRequest
) -> None:
    async def answer(_: ScoreOutputsRequest) -> ScoreOutputsResponse:
        return ScoreOutputsResponse()

    def program(address: str) -> None:
        with (
            SyncClient(scorer=address) as client,
            provider.get_tracer("test").start_as_current_span("program"),
        ):
            client.scorer.score_outputs(score_request)

    async with serving(Service("scorer", (scripted_scorer(answer),))) as address:
        await asyncio.to_thread(program, address)

    served, called, whole = spans.get_finished_spans()
    assert (served.kind.name, called.kind.name, whole.name) == ("SERVER", "CLIENT", "program")
    assert served.parent is not None
    assert called.parent is not None
    assert served.parent.span_id == called.context.span_id
    assert called.parent.span_id == whole.context.span_id


@pytest.mark.parametrize(("max_n", "calls"), [(1, 3), (2, 2)])
async def test_every_draw_of_the_generator_is_a_call_of_a_model(
    spans: InMemorySpanExporter, max_n: int, calls: int
) -> None:
    model = ScriptedModel(lambda _: SOURCE, capabilities=Capabilities(max_n=max_n))
    request = GenerateWorkflowsRequest(model=ModelRef(model=model.name), goal="private words", count=3)
    async with (
        serving(build({}, catalogue_of(model))) as address,
        Client(generator=address) as client,
    ):
        tokens = [
            event.candidate.usage.completion_tokens
            async for event in client.generator.generate_workflows(request)
            if event.HasField("candidate")
        ]

    found = spans.get_finished_spans()
    (served,) = [span for span in found if span.kind.name == "SERVER"]
    models = [span for span in found if span.name == "llm"]
    assert len(models) == calls
    assert {span.parent.span_id for span in models if span.parent} == {served.context.span_id}
    drawn = [dict(span.attributes or {}) for span in models]
    assert sum(int(str(span["gen_ai.usage.output_tokens"])) for span in drawn) == sum(tokens)
    assert all("private" not in span.to_json() for span in found)
