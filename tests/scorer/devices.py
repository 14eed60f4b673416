"""Where the engine's tests run: on the CPU, or where AUTOFLOW_TEST_DEVICE says, such as `cuda`."""

from __future__ import annotations

import os

import torch

from autoflow_scorer.engine.linear import Linears

DEVICE = os.environ.get("AUTOFLOW_TEST_DEVICE", "cpu")


def linears(dtype: torch.dtype = torch.float32) -> Linears:
    """The linear layers of that device."""
    return Linears.probe(DEVICE, dtype)
