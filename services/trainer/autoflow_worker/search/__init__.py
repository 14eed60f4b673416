"""Searching for a workflow without touching any weights: with any model, by what it is shown."""

from __future__ import annotations

from autoflow_worker.search.methods import SEARCHES, search_of
from autoflow_worker.search.search import Chosen, Search
from autoflow_worker.search.traces import Traces

__all__ = ["SEARCHES", "Chosen", "Search", "Traces", "search_of"]
