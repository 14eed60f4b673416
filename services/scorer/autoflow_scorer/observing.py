"""What the scorer tells of its work: batches, stages and the cache, as metrics and logs.

Counts, seconds and names alone; never what was scored.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from autoflow import telemetry
from autoflow.telemetry import Instrument, Kind
from autoflow_scorer.batching import BatchReport

QUEUE = Instrument("autoflow.scorer.queue", Kind.GAUGE, "Tokens that wait to be computed.")
BATCH_FILL = Instrument(
    "autoflow.scorer.batch.fill",
    Kind.HISTOGRAM,
    "Tokens of a batch over the most that it may have; more than 1 for a single large pair.",
    bounds=(0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
)
BATCH_REQUESTS = Instrument(
    "autoflow.scorer.batch.requests",
    Kind.HISTOGRAM,
    "Requests that share a batch.",
    bounds=(1, 2, 4, 8, 16, 32, 64, 128),
)
STAGE = Instrument(
    "autoflow.scorer.stage.duration",
    Kind.HISTOGRAM,
    "Time of a part of the work: read, wait, embed, compare.",
    unit="s",
    bounds=(0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10),
)
LOOKUPS = Instrument(
    "autoflow.scorer.cache.lookups", Kind.COUNTER, "Embeddings that were wanted, found or not."
)

_log = logging.getLogger(__name__)


class Observer:
    """Notes what happens. Any thread may tell it."""

    def __init__(self) -> None:
        self._telemetry: telemetry.Telemetry | None = None

    def start(self, queues: dict[str, Callable[[], float]]) -> None:
        """Begins to tell whoever listens to this process.

        Args:
            queues: by metric, reads the tokens that wait.
        """
        # The thread that computes has no context of its own.
        self._telemetry = telemetry.current()
        if self._telemetry is not None:
            for metric, read in queues.items():
                self._telemetry.watch(QUEUE, read, {"metric": metric})

    @contextmanager
    def stage(self, metric: str, stage: str, settle: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Times a part of the work: `read`, `embed` or `compare`.

        Args:
            metric: whose work.
            stage: which part.
            settle: waits until the work is done; not called where nobody listens, for waiting costs time.
        """
        started = time.perf_counter()
        try:
            yield
            if self._telemetry is not None:
                settle()
        finally:
            self._took(metric, stage, time.perf_counter() - started)

    def batch(self, metric: str, report: BatchReport, budget: int) -> None:
        """Notes a batch that ran."""
        self._took(metric, "wait", report.longest_wait)
        if self._telemetry is not None:
            self._telemetry.record(BATCH_FILL, report.cost / budget, {"metric": metric})
            self._telemetry.record(BATCH_REQUESTS, report.requests, {"metric": metric})

    def lookups(self, metric: str, found: int, missed: int) -> None:
        """Notes how often the cache had what was wanted."""
        if self._telemetry is not None:
            self._telemetry.record(LOOKUPS, found, {"metric": metric, "result": "hit"})
            self._telemetry.record(LOOKUPS, missed, {"metric": metric, "result": "miss"})

    def unloadable(self, metric: str, error: Exception) -> None:
        """Notes that a model could not be loaded."""
        _log.error("the model of a metric cannot be loaded", extra={"metric": metric}, exc_info=error)

    def warmed_up(self, metric: str, shapes: int, seconds: float) -> None:
        """Notes that a model went through all shapes of its passes."""
        seen = {"metric": metric, "shapes": shapes, "seconds": round(seconds, 1)}
        _log.info("a model is warmed up", extra=seen)

    def _took(self, metric: str, stage: str, seconds: float) -> None:
        if self._telemetry is not None:
            self._telemetry.record(STAGE, seconds, {"metric": metric, "stage": stage})
