"""A stage ends when the device has done its work, and nobody waits for that where nobody listens."""

from __future__ import annotations

import pytest
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.trace import TracerProvider

from autoflow import telemetry
from autoflow.telemetry.histograms import Histograms
from autoflow.telemetry.otel import OpenTelemetry
from autoflow_scorer.observing import Observer


def listener() -> telemetry.Telemetry:
    return OpenTelemetry(TracerProvider(), NoOpMeterProvider(), Histograms())


@pytest.mark.parametrize(("someone", "waits"), [(listener(), 1), (None, 0)])
def test_a_stage_waits_for_the_device_only_while_somebody_listens(
    someone: telemetry.Telemetry | None, waits: int
) -> None:
    done: list[str] = []
    observer = Observer()
    with telemetry.listening(someone):
        observer.start({})
    with observer.stage("vit", "embed", lambda: done.append("settled")):
        done.append("launched")
    assert done == ["launched", *["settled"] * waits]


def test_what_failed_is_not_waited_for() -> None:
    observer = Observer()
    with telemetry.listening(listener()):
        observer.start({})

    def settle() -> None:
        raise AssertionError("waited")

    with pytest.raises(KeyError), observer.stage("vit", "embed", settle):
        raise KeyError
