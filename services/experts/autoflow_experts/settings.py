"""What an operator sets of the experts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ExpertsSettings:
    """The experts' variables, each `AUTOFLOW_` and the field's name in capitals."""

    experts_threads: int = 1
    """Samples that are worked on at once."""
    experts_max_calls: int = 32
    """Calls under way, those that wait for a thread too; one more is refused with RESOURCE_EXHAUSTED."""
    experts_max_pixels: int = 1_048_576
    """Of a picture, width times height; a larger one is a failure of its sample."""
    experts_cache_bytes: int = 64 << 20
    """Memory for results that equal samples are given again; 0 keeps none."""
