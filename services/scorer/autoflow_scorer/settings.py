"""What an operator sets of the scorer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ScorerSettings:
    """The scorer's variables, each `AUTOFLOW_` and the field's name in capitals."""

    metrics: str = ""
    """The file that says which models the neural metrics use; without it, those that are shipped."""
    scorer_preload: str = ""
    """Metrics whose models are loaded before the service is ready, separated by commas, or `all`; others are
    loaded when they are first asked for."""
    scorer_warm_up: bool = True
    """Whether preloaded models on a GPU are compiled for all lengths before the service is ready. That takes
    minutes; without it the first request of each length waits for the compiler."""
    scorer_device: str = "auto"
    """Where models run: `cpu`, `cuda`, `cuda:1`; `auto` takes a GPU where there is one."""
    scorer_dtype: str = "float32"
    """Of weights and hidden states: `float32`, or `bfloat16`, which is faster and less exact."""
    scorer_batch_tokens: int = 2048
    """The most tokens of a batch; an image counts a token for each patch. Raise it on a GPU."""
    scorer_waiting_tokens: int = 2048
    """The tokens that may wait; whoever comes then is refused with the seconds after which to come again."""
    scorer_linger: float = 0.002
    """Seconds that a pair waits for others when nothing runs."""
    scorer_cache_mib: int = 256
    """The embeddings that are kept, in MiB."""
    scorer_models_mib: int = 4096
    """The weights that may be in memory, in MiB; the least recently used model makes room."""
    scorer_max_pixels: int = 16_777_216
    """Of a picture, width times height."""
