"""Histograms that are kept here and read when the metrics are.

One of OpenTelemetry's own takes six times as long to note a value, and OpenTelemetry has none that is only
read. The names are those that its reader for Prometheus gives: `a.call.duration` in `s` is told as
`a_call_duration_seconds`.

Left out: examples of what a bucket holds (exemplars), which that reader drops; here a bucket could keep one.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from itertools import accumulate
from threading import Lock

from prometheus_client.metrics_core import HistogramMetricFamily
from prometheus_client.registry import Collector

from autoflow.telemetry import Instrument

_UNITS = {"s": "seconds"}


class Histogram:
    """One histogram, with a series for each set of attributes. For use in any thread.

    Args:
        instrument: its name, unit and bounds.
    """

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument
        self._bounds = instrument.bounds
        self._counts: dict[tuple[tuple[str, str], ...], list[int]] = {}
        self._sums: dict[tuple[tuple[str, str], ...], float] = {}
        self._lock = Lock()

    def record(self, value: float, attributes: Mapping[str, str]) -> None:
        """Notes a value of these attributes, which are always given in the same order."""
        key = tuple(attributes.items())
        bucket = bisect_left(self._bounds, value)
        with self._lock:
            if key not in self._counts:
                self._counts[key], self._sums[key] = [0] * (len(self._bounds) + 1), 0.0
            self._counts[key][bucket] += 1
            self._sums[key] += value

    def family(self) -> HistogramMetricFamily:
        """What Prometheus is told."""
        with self._lock:
            series = [(dict(key), tuple(counts), self._sums[key]) for key, counts in self._counts.items()]
        made = self._instrument
        names = sorted({name for attributes, _, _ in series for name in attributes})
        family = HistogramMetricFamily(
            _sanitised(made.name),
            made.description,
            labels=[_sanitised(name) for name in names],
            unit=_UNITS.get(made.unit, made.unit),
        )
        bounds = [*(str(float(bound)) for bound in self._bounds), "+Inf"]
        for attributes, counts, total in series:
            buckets = list(zip(bounds, accumulate(counts), strict=True))
            family.add_metric([attributes.get(name, "") for name in names], buckets, total)
        return family


class Histograms(Collector):
    """All histograms of a process, for the registry that Prometheus reads."""

    def __init__(self) -> None:
        self._made: list[Histogram] = []

    def make(self, instrument: Instrument) -> Histogram:
        """Makes one more; each by a name of its own."""
        histogram = Histogram(instrument)
        self._made.append(histogram)
        return histogram

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Those that have values."""
        for histogram in tuple(self._made):
            family = histogram.family()
            if family.samples:
                yield family


def _sanitised(name: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_]", "_", name)
