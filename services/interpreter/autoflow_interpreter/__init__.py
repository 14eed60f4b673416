"""The interpreter service: executes workflows with a language model.

The way in is `build`; `execution` holds the loop, `servicer` and `convert` the wire.
"""

from autoflow_interpreter.service import build

__all__ = ["build"]
