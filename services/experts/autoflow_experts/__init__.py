"""The experts service: models that solve one kind of task each, as tools for plans.

The way in is `build`; `experts` and `calling` hold the domain, `classic` the experts that need no weights,
`servicer` and `convert` the wire.
"""

from autoflow_experts.service import build

__all__ = ["build"]
