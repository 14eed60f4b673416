"""What a device can do, what it is asked to do, and how long it takes: for benchmarks on a GPU."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import torch

from autoflow_scorer.engine.device import settle

NO_GPU = 3
"""The exit status where there is nothing to measure on."""


def no_gpu() -> str:
    """Why nothing can be measured or tested; empty where it can."""
    if torch.cuda.is_available():
        return ""
    if torch.version.cuda is None:
        return f"there is nothing to try: torch {torch.__version__} was built without CUDA"
    return f"there is nothing to try: torch {torch.__version__} finds no GPU for CUDA {torch.version.cuda}"


def device_name(device: torch.device) -> str:
    """As its maker calls it."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"


def seconds(work: Callable[[], object], device: torch.device) -> float:
    """What the work takes, from an idle device to an idle device."""
    settle(device)
    started = time.perf_counter()
    work()
    settle(device)
    return time.perf_counter() - started


def peak(device: torch.device, dtype: torch.dtype, size: int) -> float:
    """The best of some products of two matrices of that size, in FLOP a second."""
    one, other = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    with torch.inference_mode():
        return 2 * size**3 / min(seconds(lambda: one @ other, device) for _ in range(12))


def layers_flops(lengths: Sequence[int], config: Any, *, pooled: bool = False, causal: bool = False) -> float:
    """The products of a stack of layers, an addition and a multiplication each a FLOP.

    Args:
        lengths: of the sequences, in tokens.
        config: of the model, in transformers' names.
        pooled: whether the last layer is wanted for one token a sequence.
        causal: whether half of the attention is not needed.
    """
    width: int = config.hidden_size
    inner: int = config.intermediate_size
    layers: int = config.num_hidden_layers
    tokens, squares = sum(lengths), sum(length**2 for length in lengths) / (2 if causal else 1)
    linear = 2 * (4 * width**2 + 2 * width * inner)
    full = tokens * linear + 4 * squares * width
    last = 4 * tokens * width**2 + len(lengths) * (linear - 4 * width**2) + 4 * tokens * width
    return full * layers if not pooled else full * (layers - 1) + last
