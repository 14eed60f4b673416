"""The metrics by name. Each takes an output and a reference and gives a value in [0, 1]."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from autoflow.plans import PlanReference, plan_exact, plan_f1, plan_valid

Metric = Callable[[str, PlanReference], float]

METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        "plan_valid": plan_valid,
        "plan_exact": plan_exact,
        "plan_f1": plan_f1,
    }
)
