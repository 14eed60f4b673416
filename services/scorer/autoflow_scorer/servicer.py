"""The scorer on the wire."""

from __future__ import annotations

import re
from typing import Any

import grpc

from autoflow.v1 import scorer_service_pb2, scorer_service_pb2_grpc
from autoflow_scorer.batching import Caller
from autoflow_scorer.convert import metric_to_proto, options_from_proto, pairs_from_proto, scores_to_proto
from autoflow_scorer.scoring import Scorer

CALLER = "autoflow-caller"
"""The metadata key of whom a connection's call is made for."""
_CALLER = re.compile("[ -~]{1,64}")


class ScorerServicer(scorer_service_pb2_grpc.ScorerServiceServicer):
    """Answers ScorerService.

    Args:
        scorer: what does the work.
    """

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer

    async def ScoreOutputs(
        self,
        request: scorer_service_pb2.ScoreOutputsRequest,
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> scorer_service_pb2.ScoreOutputsResponse:
        """Scores each output against its reference by each metric."""
        scores = await self._scorer.score(
            pairs_from_proto(request), request.metrics, options_from_proto(request), _caller(context)
        )
        return scores_to_proto(scores)

    async def ListMetrics(
        self,
        request: scorer_service_pb2.ListMetricsRequest,
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> scorer_service_pb2.ListMetricsResponse:
        """Lists the metrics."""
        metrics = self._scorer.metrics()
        return scorer_service_pb2.ListMetricsResponse(metrics=[metric_to_proto(metric) for metric in metrics])


def _caller(context: grpc.aio.ServicerContext[Any, Any]) -> Caller:
    """The connection, and whom it names; a name that is too long or odd is none."""
    given = str(dict(context.invocation_metadata() or ()).get(CALLER, ""))
    return Caller(context.peer(), given if _CALLER.fullmatch(given) else "")
