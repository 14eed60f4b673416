"""The scorer's messages and its values, one into the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from autoflow.convert import plan_reference_from_proto
from autoflow.v1 import scorer_service_pb2
from autoflow_scorer.scoring import Pair


def pairs_from_proto(request: scorer_service_pb2.ScoreOutputsRequest) -> Iterator[Pair]:
    """The pairs to score, made one by one as they are wanted."""
    return (Pair(pair.output, plan_reference_from_proto(pair.plan)) for pair in request.pairs)


def scores_to_proto(scores: Mapping[str, Sequence[float]]) -> scorer_service_pb2.ScoreOutputsResponse:
    """Scores by metric, as a message."""
    columns = [
        scorer_service_pb2.MetricScores(metric=metric, values=values) for metric, values in scores.items()
    ]
    return scorer_service_pb2.ScoreOutputsResponse(scores=columns)
