"""Wires the scorer."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from autoflow.server import Endpoint, Service
from autoflow.v1.scorer_service_pb2_grpc import add_ScorerServiceServicer_to_server
from autoflow_scorer.metrics import METRICS, Metric
from autoflow_scorer.scoring import Scorer
from autoflow_scorer.servicer import ScorerServicer


def build(env: Mapping[str, str], metrics: Mapping[str, Metric] = METRICS) -> Service:
    """Wires the service.

    Args:
        env: the environment; the scorer has no settings of its own yet.
        metrics: what may be asked for.
    """
    register = partial(add_ScorerServiceServicer_to_server, ScorerServicer(Scorer(metrics)))
    return Service(name="scorer", endpoints=(Endpoint("autoflow.v1.ScorerService", register),))
