"""Shows what a scorer can score."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from autoflow.cli.console import Output, one_line
from autoflow.cli.metrics.scorer import scorer_at
from autoflow.cli.wire import enum_word, to_json
from autoflow.v1 import scorer_service_pb2, task_pb2
from autoflow.v1.scorer_service_pb2 import ListMetricsRequest


async def list_metrics(address: str | None, output: Output) -> None:
    """Prints the metrics of a scorer.

    Args:
        address: `host:port` of the one to ask; None starts one in this process.
        output: where to print.

    Raises:
        CommandFailed: no scorer can be reached.
    """
    async with scorer_at(address, output) as scorer:
        metrics = (await scorer.list_metrics(ListMetricsRequest())).metrics
    if output.json:
        output.document({"metrics": [to_json(metric) for metric in metrics]})
        return
    output.result(_table(metrics))
    for metric in metrics:
        if not metric.available:
            output.note(one_line(f"{metric.name} is not available: {metric.unavailable_reason}"))


def _table(metrics: Sequence[scorer_service_pb2.Metric]) -> RenderableType:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("metric", "compares", "range", "model"):
        table.add_column(name, no_wrap=name != "model")
    for metric in metrics:
        table.add_row(
            Text(one_line(metric.name), "bold" if metric.available else "dim"),
            Text(", ".join(map(_compared, metric.comparisons))),
            Text(f"{metric.minimum:g} to {metric.maximum:g}"),
            Text(one_line(metric.model) or "-"),
        )
    return table


def _compared(kinds: scorer_service_pb2.Metric.Comparison) -> str:
    output = enum_word(task_pb2.ContentType.DESCRIPTOR, "CONTENT_TYPE_", kinds.output)
    reference = enum_word(scorer_service_pb2.ReferenceType.DESCRIPTOR, "REFERENCE_TYPE_", kinds.reference)
    return f"{output} with {reference}"
