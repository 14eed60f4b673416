"""The metrics: what they compare, in which range, and how they are computed.

`base` says what a metric is, `simple` holds those that are a function of a pair, `neural` those that are
models, and `catalogue` what this installation offers.
"""

from autoflow.suites import Content
from autoflow_scorer.metrics.base import (
    Column,
    Comparison,
    Metric,
    MetricDescription,
    Options,
    Pair,
    ReferenceType,
    Status,
)
from autoflow_scorer.metrics.simple import SimpleMetric, plan_metrics, text_metrics

__all__ = [
    "Column",
    "Comparison",
    "Content",
    "Metric",
    "MetricDescription",
    "Options",
    "Pair",
    "ReferenceType",
    "SimpleMetric",
    "Status",
    "plan_metrics",
    "text_metrics",
]
