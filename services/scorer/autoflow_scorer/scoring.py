"""Finds the metrics that a request names, sees that they fit its pairs, and lets them score at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from autoflow.concurrency import gather
from autoflow.errors import InvalidArgument
from autoflow_scorer.batching import Caller
from autoflow_scorer.metrics import Column, Comparison, Metric, Options, Pair

_SLICE = 64


class Scorer:
    """The scorer service without its wire.

    Args:
        metrics: the metrics that may be asked for.
    """

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics: Mapping[str, Metric] = {metric.description.name: metric for metric in metrics}

    def metrics(self) -> list[Metric]:
        """The metrics, in the order of their names."""
        return [self._metrics[name] for name in sorted(self._metrics)]

    async def score(
        self, pairs: Iterable[Pair], metrics: Sequence[str], options: Options, caller: Caller
    ) -> dict[str, Column]:
        """Scores each pair by each metric.

        Args:
            pairs: consumed once, in a thread, so that making them does not hold the event loop.
            metrics: names, each once.
            options: what the request chose.
            caller: who asks; callers share what is scarce.

        Returns:
            For each metric, in the order asked for, its scores.

        Raises:
            InvalidArgument: a metric is unknown, or does not compare one of the pairs, or a content cannot be
                read.
            FailedPrecondition: a metric is not available here.
            ResourceExhausted: too much waits.
        """
        chosen = [self._metric(name, index) for index, name in enumerate(metrics)]
        made = await _make(pairs)
        for metric in chosen:
            _check(metric, made)
        columns = await gather([metric.score(made, options, caller) for metric in chosen])
        return dict(zip(metrics, columns, strict=True))

    def _metric(self, name: str, index: int) -> Metric:
        try:
            return self._metrics[name]
        except KeyError:
            known = ", ".join(sorted(self._metrics))
            raise InvalidArgument(
                f"metrics[{index}]", f"no metric is named {name!r}; there are: {known}"
            ) from None


async def _make(pairs: Iterable[Pair]) -> list[Pair]:
    """Makes the pairs in a thread, in slices, so that a cancelled request stops."""
    remaining = iter(pairs)
    made: list[Pair] = []
    while made_now := await asyncio.to_thread(lambda: list(islice(remaining, _SLICE))):
        made += made_now
    return made


def _check(metric: Metric, pairs: Sequence[Pair]) -> None:
    comparisons = metric.description.comparisons
    for index, pair in enumerate(pairs):
        kind = Comparison.of(pair)
        if kind not in comparisons:
            possible = " or ".join(str(comparison) for comparison in comparisons)
            raise InvalidArgument(
                f"pairs[{index}]",
                f"the metric {metric.description.name!r} does not compare {kind}",
                fix=f"it compares {possible}; score other pairs in another request",
            )
