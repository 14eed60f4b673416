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
    experts_file: str = ""
    """The file that says which tools are models of transformers; without it, none is."""
    experts_device: str = "auto"
    """Where these models run: `cpu`, `cuda`, `cuda:1`; `auto` takes a GPU where there is one."""
    experts_dtype: str = "float32"
    """Of their weights and hidden states: `float32`, `bfloat16` or `float16`; the file may say otherwise."""
    experts_models_mib: int = 8192
    """The weights that may be in memory, in MiB; the least recently used model makes room."""
    experts_batch_tokens: int = 4096
    """The most tokens of a pass; a picture counts a token for each patch of 16 by 16 pixels."""
