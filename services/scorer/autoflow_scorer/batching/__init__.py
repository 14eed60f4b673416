"""Merges the work of all callers into batches, fairly and within bounds. It knows no model and no wire.

`fair_queue` decides whose turn it is, `batcher` when a batch is run and who is refused.
"""

from autoflow_scorer.batching.batcher import Batcher, BatchReport, Limits
from autoflow_scorer.batching.fair_queue import Caller

__all__ = ["BatchReport", "Batcher", "Caller", "Limits"]
