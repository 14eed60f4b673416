"""The client of the service that scores outputs."""

from __future__ import annotations

import grpc

from autoflow.client._calls import Calls
from autoflow.client.settings import ClientSettings
from autoflow.v1.scorer_service_pb2 import (
    ListMetricsRequest,
    ListMetricsResponse,
    ScoreOutputsRequest,
    ScoreOutputsResponse,
)
from autoflow.v1.scorer_service_pb2_grpc import ScorerServiceStub

FULL_NAME = "autoflow.v1.ScorerService"
CALLER = "autoflow-caller"
"""The metadata key of whom a call is made for."""


class ScorerClient:
    """Calls ScorerService.

    Every method raises an `autoflow.client.errors.RpcError` where the call fails. `timeout` is in seconds;
    without it the settings' own counts.

    Args:
        channel: to the service.
        settings: the deadlines.
    """

    def __init__(self, channel: grpc.aio.Channel, settings: ClientSettings) -> None:
        self._stub = ScorerServiceStub(channel)
        caller = ((CALLER, settings.caller),) if settings.caller else ()
        self._calls = Calls(FULL_NAME, settings, caller)

    async def score_outputs(
        self, request: ScoreOutputsRequest, *, timeout: float | None = None
    ) -> ScoreOutputsResponse:
        """Scores outputs against their references."""
        return await self._calls.unary(self._stub.ScoreOutputs, "ScoreOutputs", request, timeout)

    async def list_metrics(
        self, request: ListMetricsRequest, *, timeout: float | None = None
    ) -> ListMetricsResponse:
        """Lists the metrics, those that are not available too."""
        return await self._calls.unary(self._stub.ListMetrics, "ListMetrics", request, timeout)
