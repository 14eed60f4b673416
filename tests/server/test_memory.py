"""Executions leave nothing behind, with telemetry and without."""

from __future__ import annotations

import gc
from collections.abc import Callable

import pytest
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import CollectorRegistry

from autoflow import telemetry
from autoflow.client import Client
from autoflow.telemetry.histograms import Histograms
from autoflow.telemetry.otel import OpenTelemetry
from autoflow.testing import ScriptedModel, catalogue_of, serving
from autoflow.v1.interpreter_service_pb2 import ExecuteWorkflowRequest
from autoflow.v1.model_pb2 import ModelRef
from autoflow.v1.workflow_pb2 import Workflow
from autoflow_interpreter.service import build

EXECUTIONS = 200
REQUEST = ExecuteWorkflowRequest(
    workflow=Workflow(source="Step 1:::process:::Look.:::next::Step 2\nStep 2:::terminal:::Answer."),
    query="q",
    model=ModelRef(model="scripted"),
)


def nobody() -> None:
    return None


def everybody() -> OpenTelemetry:
    reader = PrometheusMetricReader(registry=CollectorRegistry())
    meters = MeterProvider([reader], shutdown_on_exit=False)
    return OpenTelemetry(TracerProvider(shutdown_on_exit=False), meters, Histograms())


@pytest.mark.parametrize("listener", [nobody, everybody])
async def test_what_is_kept_does_not_grow(listener: Callable[[], OpenTelemetry | None]) -> None:
    model = ScriptedModel(lambda _: "An answer.")

    async def kept_after(executions: int, client: Client) -> int:
        for _ in range(executions):
            async for _ in client.interpreter.execute_workflow(REQUEST):
                pass
        # The model remembers for tests what it was asked.
        model.calls.clear()
        gc.collect()
        return len(gc.get_objects())

    with telemetry.listening(listener()):
        async with (
            serving(build({}, catalogue_of(model))) as address,
            Client(interpreter=address) as client,
        ):
            before = await kept_after(30, client)
            after = await kept_after(EXECUTIONS, client)

    # What is under way varies by some dozens.
    assert after - before < EXECUTIONS
