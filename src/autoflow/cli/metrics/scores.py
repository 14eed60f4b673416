"""Scores pairs and shows the scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from autoflow.cli.console import Output, one_line
from autoflow.cli.metrics.scorer import scorer_at
from autoflow.v1.scorer_service_pb2 import BertScoreOptions, MetricScores, ScoreOutputsRequest, ScorePair
from autoflow.v1.task_pb2 import Content

_SHOWN, _LEAST_SHOWN = 24, 9
"""Characters of a text in the table."""


async def score_pairs(
    pairs: Sequence[ScorePair],
    metrics: Sequence[str],
    options: BertScoreOptions,
    address: str | None,
    seconds: float,
    output: Output,
) -> None:
    """Scores pairs in one request and prints a row, or a line of JSON, for each.

    Args:
        pairs: what to score.
        metrics: by what.
        options: of BERTScore.
        address: of a scorer; None starts one in this process.
        seconds: the most that the call may take, the loading of a model included.
        output: where to print.

    Raises:
        CommandFailed: no scorer can be reached.
        RpcError: it refuses the request, or fails.
    """
    request = ScoreOutputsRequest(pairs=pairs, metrics=metrics, bert_score=options)
    async with scorer_at(address, output) as scorer:
        scores = (await scorer.score_outputs(request, timeout=seconds)).scores
    if output.json:
        for index in range(len(pairs)):
            row = {column.metric: _row(column, index) for column in scores}
            output.record({"pair": index, "scores": row})
        return
    output.result(_table(pairs, scores))


def _row(column: MetricScores, index: int) -> Mapping[str, float]:
    components = {component.name: component.values[index] for component in column.components}
    return {"value": column.values[index], **components}


def _table(pairs: Sequence[ScorePair], scores: Sequence[MetricScores]) -> RenderableType:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    # Where the terminal is too narrow, texts are cut, and no figures.
    table.add_column("output", min_width=_LEAST_SHOWN)
    table.add_column("reference", min_width=_LEAST_SHOWN)
    for column in scores:
        for name in (column.metric, *(component.name for component in column.components)):
            name = one_line(name)
            table.add_column(name, justify="right", no_wrap=True, min_width=max(len(name), len("-0.1234")))
    for index, pair in enumerate(pairs):
        values = [value for column in scores for value in _row(column, index).values()]
        table.add_row(_shown(pair.output), _shown(pair.content), *(Text(f"{value:.4f}") for value in values))
    return table


def _shown(content: Content) -> Text:
    if content.WhichOneof("content") == "image":
        return Text(f"({len(content.image):,} bytes)", "dim", no_wrap=True)
    shown = Text(one_line(content.text), no_wrap=True, overflow="ellipsis")
    shown.truncate(_SHOWN)
    return shown
