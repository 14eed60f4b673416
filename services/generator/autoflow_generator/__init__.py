"""The generator service: writes workflows with a language model, and lints them.

The way in is `build`; `generation` holds the domain, `servicer` and `convert` the wire.
"""

from autoflow_generator.service import build

__all__ = ["build"]
