"""The embedded model: a small real causal language model that ships with AutoFlow.

It plays both roles, generator and interpreter, through the same code as a large model, so that a fresh
machine shows the real loop. What it is and what it is not: docs/embedded-model.md. `train` makes it anew.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

NAME = "embedded"
"""Its name in a catalogue."""

CONTEXT_TOKENS = 1024
"""Tokens of prompt and completion together that it was made for."""


def path() -> Path:
    """The folder of the shipped model, as transformers reads it: configuration, tokenizer, safetensors."""
    return Path(str(resources.files(__package__))) / "weights"
