"""The scorer service: scores outputs against references.

The way in is `build`; `scoring` and `metrics` hold the domain, `servicer` and `convert` the wire.
"""

from autoflow_scorer.service import build

__all__ = ["build"]
