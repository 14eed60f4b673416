"""Scores outputs against references, off the event loop and in slices.

A slice is scored in a thread, so other requests are answered meanwhile; between slices a cancelled request
stops. Left out: merging requests into batches, which metrics that are models will need.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from autoflow.errors import InvalidArgument
from autoflow.plans import PlanReference
from autoflow_scorer.metrics import Metric

_SLICE = 64


@dataclass(frozen=True, slots=True)
class Pair:
    """An output and what it is compared with."""

    output: str
    reference: PlanReference


class Scorer:
    """The scorer service without its wire.

    Args:
        metrics: the metrics that may be asked for, by name.
    """

    def __init__(self, metrics: Mapping[str, Metric]) -> None:
        self._metrics = metrics

    async def score(self, pairs: Iterable[Pair], metrics: Sequence[str]) -> dict[str, list[float]]:
        """Scores each pair by each metric.

        Args:
            pairs: consumed once, in a thread, so that making them does not hold the event loop either.
            metrics: names, each once.

        Returns:
            For each metric, in the order asked for, its value in [0, 1] for each pair, in their order.

        Raises:
            InvalidArgument: a metric is unknown; the message names those that exist.
        """
        chosen = {name: self._metric(name) for name in metrics}
        scores: dict[str, list[float]] = {name: [] for name in metrics}
        remaining = iter(pairs)
        while rows := await asyncio.to_thread(_score_slice, remaining, tuple(chosen.values())):
            for column, values in zip(scores.values(), zip(*rows, strict=True), strict=True):
                column.extend(values)
        return scores

    def _metric(self, name: str) -> Metric:
        try:
            return self._metrics[name]
        except KeyError:
            known = ", ".join(self._metrics)
            raise InvalidArgument("metrics", f"no metric is named {name!r}; there are: {known}") from None


def _score_slice(pairs: Iterable[Pair], metrics: Sequence[Metric]) -> list[tuple[float, ...]]:
    return [
        tuple(metric(pair.output, pair.reference) for metric in metrics) for pair in islice(pairs, _SLICE)
    ]
