"""The methods that search in context, by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from autoflow_worker.context import Context
from autoflow_worker.search.base import Strategy
from autoflow_worker.search.history import History
from autoflow_worker.search.random import Random
from autoflow_worker.search.reflective import Reflective
from autoflow_worker.search.search import Search
from autoflow_worker.search.traces import Traces

SEARCHES: Mapping[str, type[Strategy]] = MappingProxyType(
    {"history": History, "reflective": Reflective, "random": Random}
)


def search_of(
    context: Context, traces: Traces, state: Mapping[str, Any] | None = None, *, reserve: int = 0
) -> Search:
    """The search that a run's spec asks for; see `Search`."""
    spec = context.spec
    strategy = SEARCHES[spec.method](spec.training, context.training_tasks, spec.seed)
    return Search(context, strategy, traces, state, reserve=reserve)
