"""What telemetry costs: executions of eight steps against a mock endpoint, off and on, and bare calls.

    python -m benchmarks.telemetry --executions 5 --calls 100 --rounds 60

Off and on alternate in one process, in short rounds and in either order, so that both meet the same machine;
the figures are CPU seconds of the whole process (client, server and endpoint), medians over rounds. Memory is
collected as in a service's process (`settled`). On means spans through a batch processor and encoded as OTLP
each round, though sent to nobody, and metrics that can be scraped. Prints measurements (`benchmarks.report`),
whose baseline is off.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from prometheus_client import CollectorRegistry

from autoflow import telemetry
from autoflow.client import Client
from autoflow.llm.openai import Endpoint, OpenAIModel
from autoflow.server import Service, serve
from autoflow.server.process import settled
from autoflow.telemetry.histograms import Histograms
from autoflow.telemetry.otel import OpenTelemetry
from autoflow.testing import catalogue_of, scripted_scorer
from autoflow.testing.endpoint import ScriptedEndpoint
from autoflow.v1.interpreter_service_pb2 import ExecuteWorkflowRequest
from autoflow.v1.model_pb2 import ModelRef
from autoflow.v1.scorer_service_pb2 import ScoreOutputsRequest, ScoreOutputsResponse, ScorePair
from autoflow.v1.task_pb2 import CONTENT_TYPE_IMAGE, CONTENT_TYPE_TEXT, Content, Plan, PlanReference, Tool
from autoflow.v1.workflow_pb2 import Workflow
from autoflow_interpreter.service import build
from benchmarks.report import Measurement

STEPS = 8
SOURCE = "\n".join(
    f"Step {number}:::process:::Note what part {number} of the task needs.:::next::Step {number + 1}"
    for number in range(1, STEPS)
)
REQUEST = ExecuteWorkflowRequest(
    workflow=Workflow(source=f"{SOURCE}\nStep {STEPS}:::terminal:::Write the plan."),
    query="Describe the picture, then translate the description.",
    model=ModelRef(model="mock"),
)

Work = Callable[[], Awaitable[None]]
Pair = tuple[float, float]
"""CPU seconds of one piece of work, off and on."""


class _Encoder(SpanExporter):
    """Does what an exporter does for a collector, but for sending."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Encodes them, and drops what comes of it."""
        encode_spans(spans).SerializeToString()
        return SpanExportResult.SUCCESS


@dataclass(frozen=True, slots=True)
class _Exporting:
    listener: OpenTelemetry
    processor: BatchSpanProcessor


def _switched_on(stack: ExitStack) -> _Exporting:
    tracers = TracerProvider(shutdown_on_exit=False)
    processor = BatchSpanProcessor(_Encoder())
    tracers.add_span_processor(processor)
    registry, histograms = CollectorRegistry(), Histograms()
    registry.register(histograms)
    meters = MeterProvider([PrometheusMetricReader(registry=registry)], shutdown_on_exit=False)
    stack.callback(tracers.shutdown)
    stack.callback(meters.shutdown)
    return _Exporting(OpenTelemetry(tracers, meters, histograms), processor)


async def _cpu_seconds(work: Work, times: int, exporting: _Exporting | None) -> float:
    with telemetry.listening(None if exporting is None else exporting.listener):
        started = time.process_time()
        for _ in range(times):
            await work()
        if exporting is not None:
            # Else these spans might be exported while telemetry is off.
            exporting.processor.force_flush()
        return (time.process_time() - started) / times


async def _compare(off: Work, on: Work, exporting: _Exporting, times: int, rounds: int) -> list[Pair]:
    await _cpu_seconds(off, times, None)
    await _cpu_seconds(on, times, exporting)
    pairs: list[Pair] = []
    with settled():
        for number in range(rounds):
            if number % 2:
                switched_off = await _cpu_seconds(off, times, None)
                switched_on = await _cpu_seconds(on, times, exporting)
            else:
                switched_on = await _cpu_seconds(on, times, exporting)
                switched_off = await _cpu_seconds(off, times, None)
            pairs.append((switched_off, switched_on))
    return pairs


def _tell(name: str, pairs: Sequence[Pair], conditions: str) -> None:
    Measurement(
        name,
        "CPU ms",
        baseline=1000 * statistics.median(off for off, _ in pairs),
        ours=1000 * statistics.median(on for _, on in pairs),
        ratio=statistics.median(off / on for off, on in pairs),
        better="lower",
        conditions=f"baseline: telemetry off; {conditions}; {len(pairs)} rounds",
    ).tell()


async def _executions(exporting: _Exporting, times: int, rounds: int) -> list[Pair]:
    async with ScriptedEndpoint.serving(lambda _: "A short note on this part.") as endpoint:

        def model() -> OpenAIModel:
            return OpenAIModel(Endpoint("mock", "mock", endpoint.base_url))

        with telemetry.listening(exporting.listener):
            listened = await serve(build({}, catalogue_of(model())))
        async with (
            listened,
            await serve(build({}, catalogue_of(model()))) as plain,
            Client(interpreter=plain.address) as off,
            Client(interpreter=listened.address) as on,
        ):
            return await _compare(_executing(off), _executing(on), exporting, times, rounds)


def _executing(client: Client) -> Work:
    async def execute() -> None:
        async for _ in client.interpreter.execute_workflow(REQUEST):
            pass

    return execute


async def _bare_calls(exporting: _Exporting, times: int, rounds: int) -> list[Pair]:
    async def answer(_: ScoreOutputsRequest) -> ScoreOutputsResponse:
        return ScoreOutputsResponse()

    request = _score_request()

    def calling(client: Client) -> Work:
        async def call() -> None:
            await client.scorer.score_outputs(request)

        return call

    service = Service("scorer", (scripted_scorer(answer),))
    with telemetry.listening(exporting.listener):
        listened = await serve(service)
    async with (
        listened,
        await serve(service) as plain,
        Client(scorer=plain.address) as off,
        Client(scorer=listened.address) as on,
    ):
        return await _compare(calling(off), calling(on), exporting, times, rounds)


def _score_request() -> ScoreOutputsRequest:
    captioning = Tool(name="Image Captioning", inputs=[CONTENT_TYPE_IMAGE], output=CONTENT_TYPE_TEXT)
    reference = PlanReference(
        tools=[captioning],
        inputs=[CONTENT_TYPE_IMAGE],
        output=CONTENT_TYPE_TEXT,
        accepted=[Plan(tools=["Image Captioning"])],
    )
    return ScoreOutputsRequest(
        pairs=[ScorePair(output=Content(text="a text"), plan=reference)], metrics=["plan_f1"]
    )


async def _main(arguments: argparse.Namespace) -> None:
    with ExitStack() as stack:
        exporting = _switched_on(stack)
        executions = await _executions(exporting, arguments.executions, arguments.rounds)
        _tell(
            "server.telemetry_on_an_execution", executions, f"{STEPS} steps, {arguments.executions} a round"
        )
        calls = await _bare_calls(exporting, arguments.calls, arguments.rounds)
        _tell("server.telemetry_on_a_call", calls, f"a call that does nothing, {arguments.calls} a round")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--executions", type=int, default=5, help="of each round")
    parser.add_argument("--calls", type=int, default=100, help="of each round")
    parser.add_argument("--rounds", type=int, default=60)
    asyncio.run(_main(parser.parse_args()))
