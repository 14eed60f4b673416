"""What the scorer tells of its work: batches, stages and the cache, as metrics and logs.

Counts, seconds and names alone; never what was scored.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autoflow_scorer.batching import BatchReport

_log = logging.getLogger(__name__)


class Observer:
    """Notes what happens. Any thread may tell it."""

    @contextmanager
    def stage(self, metric: str, stage: str) -> Iterator[None]:
        """Times a part of the work: `read`, `embed` or `compare`."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self._stage_took(metric, stage, time.perf_counter() - started)

    def batch(self, metric: str, report: BatchReport, budget: int) -> None:
        """Notes a batch that ran."""

    def unloadable(self, metric: str, error: Exception) -> None:
        """Notes that a model could not be loaded."""
        _log.error("the model of a metric cannot be loaded", extra={"metric": metric}, exc_info=error)

    def _stage_took(self, metric: str, stage: str, seconds: float) -> None:
        pass
