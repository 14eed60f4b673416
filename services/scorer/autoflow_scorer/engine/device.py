"""What a device needs beside tensors: less work where its memory does not suffice, and patience to be timed.

Only a device's memory is meant. A host without memory ends the process, as any process.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import torch
from torch import Tensor

from autoflow.errors import ResourceExhausted

_HALVINGS = 4
_RETRY_SECONDS = 5.0

Batch = TypeVar("Batch", Sequence[Any], Tensor)


def in_memory(run: Callable[[Batch], Tensor], batch: Batch, halvings: int = _HALVINGS) -> Tensor:
    """Runs a batch at once, or in halves where the device has no memory for it.

    Args:
        run: gives one row or more for each of the batch, in order.
        batch: at least one.
        halvings: how often a part may be cut.

    Raises:
        ResourceExhausted: the smallest part is still too large; another moment may be better.
    """
    try:
        return run(batch)
    except torch.OutOfMemoryError:
        pass
    # Outside the handler, whose error holds on to the tensors of the pass that failed.
    torch.cuda.empty_cache()
    if not halvings or len(batch) < 2:
        raise ResourceExhausted("the device has no memory left for this batch", _RETRY_SECONDS)
    half = len(batch) // 2
    return torch.cat([in_memory(run, part, halvings - 1) for part in (batch[:half], batch[half:])])


def attempt(run: Callable[[Batch], Tensor], batch: Batch) -> None:
    """Runs a batch for the sake of what it leaves behind, such as compiled code.

    What has no room is left: it will be cut or refused when it comes in earnest.
    """
    with suppress(ResourceExhausted), torch.inference_mode():
        in_memory(run, batch)


def settle(device: torch.device) -> None:
    """Waits until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
